//! Remembering contacts, their lists and segments.

use async_trait::async_trait;

use super::StoreFault;
use crate::contact::import::{Import, Rejected, Row};
use crate::contact::rule::Rule;
use crate::contact::segment::{ContactList, Segment};
use crate::contact::timeline::Entry;
use crate::contact::{Channel, Contact, Email};
use crate::event::Logged;
use crate::id::{CallId, ContactId, ImportId, ListId, SegmentId, TenantId};
use crate::phone::Phone;
use crate::time::Time;

/// The contacts of all tenants. Every write keeps the segments' counts and writes its events with it.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// Writes a contact. [`StoreFault::Conflict`] unless its version is one more than the stored one,
    /// [`StoreFault::Exists`] when another contact has its phone number, address or user id.
    async fn put(&self, contact: &Contact) -> Result<Vec<Logged>, StoreFault>;

    /// Writes a contact that took others in: what belonged to them belongs to it from now on.
    async fn merge(&self, contact: &Contact, gone: &[ContactId]) -> Result<Vec<Logged>, StoreFault>;

    /// Writes many contacts of one tenant, each new or one version on, all or none, and tells of none of them:
    /// an import tells of itself. Faults as of [`Contacts::put`].
    async fn put_many(&self, contacts: &[Contact]) -> Result<(), StoreFault>;

    /// The contact, if it is the tenant's.
    async fn load(&self, tenant: &TenantId, id: &ContactId) -> Result<Option<Contact>, StoreFault>;

    /// Contacts that have one of these keys.
    async fn known(&self, tenant: &TenantId, keys: &ContactKeys) -> Result<Vec<Contact>, StoreFault>;

    /// A page, the last made first.
    async fn list(
        &self,
        tenant: &TenantId,
        filter: &ContactFilter,
        page: &ContactsAfter,
    ) -> Result<ContactPage, StoreFault>;

    /// How many there are; none when a filter leaves more than `upto`, which are not counted.
    async fn count(
        &self,
        tenant: &TenantId,
        filter: &ContactFilter,
        upto: u64,
    ) -> Result<Option<u64>, StoreFault>;

    /// A page of those a rule admits, the last made first.
    async fn admitted(
        &self,
        tenant: &TenantId,
        rule: &Rule,
        page: &ContactsAfter,
    ) -> Result<ContactPage, StoreFault>;

    /// How many a rule admits, and the last made of them, `newest` at most.
    async fn crowd(&self, tenant: &TenantId, rule: &Rule, newest: u32) -> Result<Crowd, StoreFault>;

    /// The calls with a contact; none when there is no such contact.
    async fn calls(&self, tenant: &TenantId, id: &ContactId) -> Result<Option<Vec<CallId>>, StoreFault>;

    /// What happened with a contact before an instant, newest first; none when there is no such contact.
    async fn timeline(
        &self,
        tenant: &TenantId,
        id: &ContactId,
        before: Option<Time>,
        limit: u32,
    ) -> Result<Option<Vec<Entry>>, StoreFault>;

    /// Keeps a note about a contact. False when there is no such contact, or the entry is no note.
    async fn add_note(&self, tenant: &TenantId, id: &ContactId, note: &Entry) -> Result<bool, StoreFault>;

    /// Removes a contact and whatever in the database tells of the person. See `docs/privacy.md`.
    async fn erase(&self, tenant: &TenantId, id: &ContactId, now: Time) -> Result<Erasure, StoreFault>;
}

/// Values by which contacts are known. Any of them is enough.
#[derive(Debug, Clone, Default)]
pub struct ContactKeys {
    /// Phone numbers.
    pub phones: Vec<Phone>,
    /// E-mail addresses.
    pub emails: Vec<Email>,
    /// Business-scoped user ids.
    pub user_ids: Vec<String>,
}

/// Which contacts; empty fields do not narrow.
#[derive(Debug, Clone, Default)]
pub struct ContactFilter {
    /// Every word of it occurs in name, phone or address.
    pub search: Option<String>,
    /// What is searched is looked for in names only: those who do not see numbers cannot guess them.
    pub names_only: bool,
    /// Exactly.
    pub lifecycle_stage: Option<String>,
    /// Exactly.
    pub country_code: Option<String>,
    /// Any of these tags.
    pub tags: Vec<String>,
    /// Whether there is a phone number.
    pub has_phone: Option<bool>,
    /// Whether there is an address.
    pub has_email: Option<bool>,
    /// Created at or after.
    pub from: Option<Time>,
    /// Created before.
    pub until: Option<Time>,
    /// On this list.
    pub list: Option<ListId>,
    /// With a channel they refused: this one, or any.
    pub opted_out: Option<Option<Channel>>,
}

/// Where a page begins and how long it is.
#[derive(Debug, Clone)]
pub struct ContactsAfter {
    /// Where the page before ended, as it said; none for the first page.
    pub after: Option<i64>,
    /// 1 to 200.
    pub limit: u32,
}

/// A page.
#[derive(Debug, Clone)]
pub struct ContactPage {
    /// The last made first.
    pub contacts: Vec<Contact>,
    /// Where the next page begins, when there is one.
    pub next: Option<i64>,
}

/// Those a rule admits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Crowd {
    /// How many.
    pub count: u64,
    /// The last made of them, as many as were asked for, the last first.
    pub newest: Vec<Contact>,
}

/// What became of the wish to erase a contact.
#[derive(Debug, Clone, PartialEq)]
pub enum Erasure {
    /// There is no such contact.
    Unknown,
    /// They are in a call now, or something about them is being dealt with: nothing was erased.
    Busy,
    /// A file of contacts is being read, which may have them in it: nothing was erased.
    Importing,
    /// These calls with them have recordings, which must be erased first: nothing was erased.
    Recorded(Vec<CallId>),
    /// They are erased; these are the events that tell it.
    Erased(Vec<Logged>),
}

/// Files of contacts on their way in.
#[async_trait]
pub trait ContactImports: Send + Sync {
    /// Begins an import, in the state `Receiving`, and throws away what is too old: imports that
    /// ended before `kept`, and files that began to come before `late` and are not there yet.
    async fn begin(&self, import: &Import, kept: Time, late: Time) -> Result<(), StoreFault>;

    /// Keeps a part of the file, counted from 0.
    async fn add_part(&self, import: &Import, part: u32, rows: &[Row]) -> Result<(), StoreFault>;

    /// The file is there, with so many rows, or it will never be. False when there is no such import, or it
    /// is not being received.
    async fn arrived(&self, import: &Import, total: Option<u64>) -> Result<bool, StoreFault>;

    /// The import, if it is the tenant's.
    async fn load(&self, tenant: &TenantId, id: &ImportId) -> Result<Option<Import>, StoreFault>;

    /// The tenant's imports, newest first.
    async fn list(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Import>, StoreFault>;

    /// The oldest import of all tenants that is there and not read to its end.
    async fn next(&self) -> Result<Option<Import>, StoreFault>;

    /// A part of a file; none behind the last one.
    async fn part(&self, import: &Import, part: u32) -> Result<Option<Vec<Row>>, StoreFault>;

    /// Writes what became of a part: the contacts, the rows that were rejected, and the import as it is now, all
    /// or nothing. [`StoreFault::Conflict`] when the import or a contact is not where it was,
    /// [`StoreFault::Exists`] when somebody else has a contact's key. At the end the file is thrown away and
    /// the import told of.
    async fn go_on(
        &self,
        import: &Import,
        contacts: &[Contact],
        rejected: &[Rejected],
    ) -> Result<Vec<Logged>, StoreFault>;

    /// Rows that were rejected, by line, after one.
    async fn rejected(&self, import: &Import, after: u64, limit: u32) -> Result<Vec<Rejected>, StoreFault>;
}

/// Lists and segments of contacts.
#[async_trait]
pub trait ContactGroups: Send + Sync {
    /// Adds a list, or changes its name and description. [`StoreFault::Exists`] when the name is taken.
    async fn put_list(&self, list: &ContactList) -> Result<(), StoreFault>;
    /// The list, if it is the tenant's.
    async fn list(&self, tenant: &TenantId, id: &ListId) -> Result<Option<ContactList>, StoreFault>;
    /// All lists, oldest first.
    async fn lists(&self, tenant: &TenantId) -> Result<Vec<ContactList>, StoreFault>;
    /// Removes a list; its members stay. False when there is no such list.
    async fn remove_list(&self, tenant: &TenantId, id: &ListId) -> Result<bool, StoreFault>;
    /// Puts contacts of the tenant on a list. Returns how many were not on it before.
    async fn put_on(&self, tenant: &TenantId, id: &ListId, who: &[ContactId]) -> Result<u64, StoreFault>;
    /// Takes contacts off a list. Returns how many were on it.
    async fn take_off(&self, tenant: &TenantId, id: &ListId, who: &[ContactId]) -> Result<u64, StoreFault>;
    /// Adds a segment and counts who belongs; the count is in the answer.
    async fn add_segment(&self, segment: &Segment) -> Result<Segment, StoreFault>;
    /// The segment, if it is the tenant's.
    async fn segment(&self, tenant: &TenantId, id: &SegmentId) -> Result<Option<Segment>, StoreFault>;
    /// All segments, oldest first.
    async fn segments(&self, tenant: &TenantId) -> Result<Vec<Segment>, StoreFault>;
    /// Writes a segment's name and rule, and counts anew. None when there is no such segment.
    async fn change_segment(&self, segment: &Segment) -> Result<Option<Segment>, StoreFault>;
    /// Removes a segment. False when there is no such segment.
    async fn remove_segment(&self, tenant: &TenantId, id: &SegmentId) -> Result<bool, StoreFault>;
}
