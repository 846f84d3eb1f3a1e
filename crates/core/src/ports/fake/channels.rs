//! Channels and numbered pages in memory.

use std::collections::HashMap;

use async_trait::async_trait;

use super::memory::Memory;
use crate::house::BusinessNumber;
use crate::id::{NumberId, TenantId};
use crate::ports::{
    CallPages, Channel, ChannelChange, ChannelNotes, Channels, Disconnected, NewNumber, NumberedPage,
    Numbers, PageAt, PageFilter, StoreFault,
};
use crate::time::Time;

/// What was said about numbers, and the numbers that were disconnected.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    notes: HashMap<NumberId, (ChannelNotes, Time, Time)>,
    removed: Vec<(BusinessNumber, Time)>,
}

impl Shelf {
    fn channel(&self, number: &BusinessNumber, removed_at: Option<Time>) -> Channel {
        let unsaid = || (ChannelNotes::default(), Time::from_secs(0), Time::from_secs(0));
        let (notes, created_at, updated_at) = self.notes.get(&number.id).cloned().unwrap_or_else(unsaid);
        Channel { number: number.clone(), notes, created_at, updated_at, removed_at }
    }
}

#[async_trait]
impl Channels for Memory {
    async fn channels(&self, tenant: &TenantId) -> Result<Vec<Channel>, StoreFault> {
        let tables = self.lock();
        let here = tables.numbers.iter().map(|number| (number, None));
        let gone = tables.channels.removed.iter().map(|(number, at)| (number, Some(*at)));
        let mine = here.chain(gone).filter(|(number, _)| number.tenant == *tenant);
        Ok(mine.map(|(number, at)| tables.channels.channel(number, at)).collect())
    }

    async fn connect(&self, number: NewNumber, notes: ChannelNotes) -> Result<Channel, StoreFault> {
        if self.by_meta_id(&number.meta_id).await?.is_some() {
            return Err(StoreFault::Exists("a number with this WhatsApp id"));
        }
        let at = number.at;
        let added = Numbers::add(self, number).await?;
        let mut tables = self.lock();
        tables.channels.notes.insert(added.id.clone(), (notes, at, at));
        Ok(tables.channels.channel(&added, None))
    }

    async fn change(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        change: ChannelChange,
    ) -> Result<Option<Channel>, StoreFault> {
        let Some(number) = Numbers::load(self, tenant, id).await? else { return Ok(None) };
        let mut tables = self.lock();
        let unsaid = (ChannelNotes::default(), change.at, change.at);
        let (notes, _, updated_at) = tables.channels.notes.entry(id.clone()).or_insert(unsaid);
        notes.display_name = change.display_name.or_else(|| notes.display_name.take());
        *updated_at = change.at;
        Ok(Some(tables.channels.channel(&number, None)))
    }

    async fn disconnect(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        at: Time,
    ) -> Result<Disconnected, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let place = tables.numbers.iter().position(|number| number.id == *id && number.tenant == *tenant);
        let Some(place) = place else { return Ok(Disconnected::Unknown) };
        if tables.calls.values().any(|call| call.number == *id && !call.state.is_over()) {
            return Ok(Disconnected::Busy);
        }
        let number = tables.numbers.remove(place);
        tables.channels.removed.push((number, at));
        Ok(Disconnected::Done)
    }
}

#[async_trait]
impl CallPages for Memory {
    async fn numbered(
        &self,
        tenant: &TenantId,
        filter: &PageFilter,
        page: &PageAt,
    ) -> Result<NumberedPage, StoreFault> {
        let tables = self.lock();
        let mine = tables.calls.values().filter(|call| call.tenant == *tenant && filter.admits(call));
        let mut calls: Vec<_> = mine.cloned().collect();
        calls.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        let total = calls.len() as u64;
        let before = (page.page as usize - 1).saturating_mul(page.limit as usize);
        Ok(NumberedPage { calls: calls.into_iter().skip(before).take(page.limit as usize).collect(), total })
    }
}
