//! Lists and segments in memory, beside the contacts.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::memory::{Memory, Tables};
use crate::contact::segment::{ContactList, Segment};
use crate::id::{ContactId, ListId, SegmentId, TenantId};
use crate::ports::{ContactGroups, StoreFault};

impl Tables {
    fn listed(&self, list: &ContactList) -> ContactList {
        let members = self.members.iter().filter(|(id, _)| *id == list.id).count() as u64;
        ContactList { members, ..list.clone() }
    }

    fn counted(&self, segment: &Segment) -> Segment {
        let belong = |it: &&crate::contact::Contact| it.tenant == segment.tenant && segment.rule.admits(it);
        Segment { count: self.contacts.iter().filter(belong).count() as u64, ..segment.clone() }
    }
}

impl Memory {
    /// All lists and segments.
    #[must_use]
    pub fn groups(&self) -> (Vec<ContactList>, Vec<Segment>) {
        let tables = self.lock();
        (tables.lists.clone(), tables.segments.clone())
    }
}

#[async_trait]
impl ContactGroups for Memory {
    async fn put_list(&self, list: &ContactList) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        let twin = |it: &&ContactList| it.tenant == list.tenant && it.name == list.name && it.id != list.id;
        if tables.lists.iter().any(|it| twin(&it)) {
            return Err(StoreFault::Exists("a list with this name"));
        }
        tables.lists.retain(|it| it.id != list.id);
        tables.lists.push(list.clone());
        Ok(())
    }

    async fn list(&self, tenant: &TenantId, id: &ListId) -> Result<Option<ContactList>, StoreFault> {
        let tables = self.lock();
        Ok(tables.lists.iter().find(|it| it.tenant == *tenant && it.id == *id).map(|it| tables.listed(it)))
    }

    async fn lists(&self, tenant: &TenantId) -> Result<Vec<ContactList>, StoreFault> {
        let tables = self.lock();
        Ok(tables.lists.iter().filter(|it| it.tenant == *tenant).map(|it| tables.listed(it)).collect())
    }

    async fn remove_list(&self, tenant: &TenantId, id: &ListId) -> Result<bool, StoreFault> {
        let mut tables = self.lock();
        let before = tables.lists.len();
        tables.lists.retain(|it| it.tenant != *tenant || it.id != *id);
        Ok(tables.lists.len() < before)
    }

    async fn put_on(&self, tenant: &TenantId, id: &ListId, who: &[ContactId]) -> Result<u64, StoreFault> {
        let mut tables = self.lock();
        let known: BTreeSet<ContactId> =
            tables.contacts.iter().filter(|it| it.tenant == *tenant).map(|it| it.id.clone()).collect();
        let before = tables.members.len();
        let new = who.iter().filter(|who| known.contains(who)).map(|who| (id.clone(), who.clone()));
        tables.members.extend(new);
        Ok((tables.members.len() - before) as u64)
    }

    async fn take_off(&self, _: &TenantId, id: &ListId, who: &[ContactId]) -> Result<u64, StoreFault> {
        let mut tables = self.lock();
        let before = tables.members.len();
        tables.members.retain(|(list, member)| list != id || !who.contains(member));
        Ok((before - tables.members.len()) as u64)
    }

    async fn add_segment(&self, segment: &Segment) -> Result<Segment, StoreFault> {
        let mut tables = self.lock();
        tables.segments.push(segment.clone());
        Ok(tables.counted(segment))
    }

    async fn segment(&self, tenant: &TenantId, id: &SegmentId) -> Result<Option<Segment>, StoreFault> {
        let tables = self.lock();
        Ok(tables
            .segments
            .iter()
            .find(|it| it.tenant == *tenant && it.id == *id)
            .map(|it| tables.counted(it)))
    }

    async fn segments(&self, tenant: &TenantId) -> Result<Vec<Segment>, StoreFault> {
        let tables = self.lock();
        Ok(tables.segments.iter().filter(|it| it.tenant == *tenant).map(|it| tables.counted(it)).collect())
    }

    async fn change_segment(&self, segment: &Segment) -> Result<Option<Segment>, StoreFault> {
        let mut tables = self.lock();
        let same = |it: &&mut Segment| it.tenant == segment.tenant && it.id == segment.id;
        let Some(place) = tables.segments.iter_mut().find(same) else { return Ok(None) };
        place.clone_from(segment);
        Ok(Some(tables.counted(segment)))
    }

    async fn remove_segment(&self, tenant: &TenantId, id: &SegmentId) -> Result<bool, StoreFault> {
        let mut tables = self.lock();
        let before = tables.segments.len();
        tables.segments.retain(|it| it.tenant != *tenant || it.id != *id);
        Ok(tables.segments.len() < before)
    }
}
