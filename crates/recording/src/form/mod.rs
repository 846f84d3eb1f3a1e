//! The bytes of a recording, the same in the spool and in storage.
//!
//! A head in the clear, which names the recording and carries its wrapped key, then sealed chunks. The chunks of
//! all parties are one sequence: a chunk holds what everybody said up to a common moment, so a cut leaves all
//! parties equally long. Each chunk is sealed with its number, its kind and the hash of the head, so chunks
//! cannot be reordered, repeated or moved to another recording, and the last one is of a kind of its own, so
//! that a cut at a border shows.

mod head;

mod chunk;

mod sealed;

pub(crate) use chunk::{Body, BodyWriter, Chunk, End, Ending, Entry};
pub(crate) use head::Head;
pub(crate) use sealed::{Flaw, Reader, Sealer};
