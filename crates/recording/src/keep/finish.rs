//! Reading a spool from end to end, and giving an end to one that has none.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use offhook_core::id::RecordingId;
use offhook_core::recording::RecordedParty;

use super::notice::milliseconds;
use crate::form::{Chunk, End, Ending, Entry, Flaw, Head, Reader};
use crate::keys::Keyring;
use crate::spool::Spool;

/// Bytes read at a time.
const BLOCK: usize = 64 * 1024;

/// What a whole spool holds.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    pub(crate) head: Head,
    pub(crate) parties: Vec<RecordedParty>,
    pub(crate) end: End,
}

/// What came of a spool without an end.
#[derive(Debug)]
pub(crate) enum Finished {
    /// It has one now, and waits to be stored. What lay behind its last whole chunk is gone.
    Done(Survey),
    /// It died before its head was written: nothing was recorded.
    Nothing,
}

/// Why a spool cannot be read or finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the disk: {0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Flaw(#[from] Flaw),
}

/// As far as it makes sense.
struct Partial {
    head: Head,
    parties: Vec<RecordedParty>,
    horizon: u64,
    end: Option<End>,
    reader: Reader,
    flaw: Option<Flaw>,
}

/// Reads a spool that has its end.
pub(crate) fn survey(keys: &Arc<Keyring>, path: &Path) -> Result<Survey, Trouble> {
    let partial = read(keys, path)?.ok_or(Flaw::Cut)?;
    if let Some(flaw) = partial.flaw {
        return Err(flaw.into());
    }
    partial.reader.finish()?;
    let end = partial.end.ok_or(Flaw::Cut)?;
    Ok(Survey { head: partial.head, parties: partial.parties, end })
}

/// Keeps all whole chunks of a spool nobody writes any more, and closes it as truncated with its true length.
/// Doing it again after dying on the way comes to the same.
pub(crate) fn finish(keys: &Arc<Keyring>, spool: &Spool, id: &RecordingId) -> Result<Finished, Trouble> {
    let path = spool.live(id);
    let Some(partial) = read(keys, &path)? else {
        spool.remove(id)?;
        return Ok(Finished::Nothing);
    };
    if partial.head.recording != *id {
        return Err(Flaw::Another.into());
    }
    let Partial { head, parties, horizon, end, reader, .. } = partial;
    let mut file = OpenOptions::new().append(true).open(&path)?;
    file.set_len(reader.sound())?;
    let end = match end {
        Some(end) => end,
        None => {
            let ended_at = head.started_at + milliseconds(horizon);
            let end = End { length: horizon, ending: Ending::Truncated, ended_at };
            let mut sealer = reader.into_sealer().expect("it has a head and no end");
            file.write_all(&sealer.end(end))?;
            end
        }
    };
    file.sync_all()?;
    spool.finish(id)?;
    Ok(Finished::Done(Survey { head, parties, end }))
}

/// The head alone; `None` when there is none.
pub(crate) fn head(keys: &Arc<Keyring>, path: &Path) -> Result<Option<Head>, Trouble> {
    let mut file = File::open(path)?;
    let mut reader = Reader::new(keys.clone());
    let mut block = vec![0; BLOCK];
    let count = file.read(&mut block)?;
    reader.feed(&block[..count]);
    Ok(reader.head()?)
}

fn read(keys: &Arc<Keyring>, path: &Path) -> Result<Option<Partial>, Trouble> {
    let mut file = File::open(path)?;
    let mut reader = Reader::new(keys.clone());
    let mut block = vec![0; BLOCK];
    let head = loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            return Ok(None);
        }
        reader.feed(&block[..count]);
        if let Some(head) = reader.head()? {
            break head;
        }
    };
    let mut partial = Partial { head, parties: Vec::new(), horizon: 0, end: None, reader, flaw: None };
    loop {
        match partial.reader.chunk() {
            Ok(Some(Chunk::Body(body))) => {
                partial.horizon = body.horizon;
                partial.parties.extend(body.entries.into_iter().filter_map(|entry| match entry {
                    Entry::Party(party) => Some(party),
                    Entry::Frame { .. } => None,
                }));
            }
            Ok(Some(Chunk::End(end))) => partial.end = Some(end),
            Ok(None) => {
                let count = file.read(&mut block)?;
                if count == 0 {
                    return Ok(Some(partial));
                }
                partial.reader.feed(&block[..count]);
            }
            Err(flaw) => {
                partial.flaw = Some(flaw);
                return Ok(Some(partial));
            }
        }
    }
}

#[cfg(test)]
mod tests;
