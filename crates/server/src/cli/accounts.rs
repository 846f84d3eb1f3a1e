//! `offhook admin key list|revoke`, `agent list`, `reset-owner`, `audit list|verify`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use offhook_core::audit::{AuditPage, Entry, Object, Verdict};
use offhook_core::house::{KeyCard, KeyKind, Person, Role, password_problem};
use offhook_core::id::{KeyId, TenantId, UserId};
use offhook_core::ports::{Audit as _, Changed, Clock, Ids, Keys, NewPerson, People, PersonChange, Tenants};
use offhook_core::time::Time;
use serde_json::{Value, json};

use super::admin::{Common, Desk, Whose, email, secret_file};
use crate::demo;

/// Entries shown when nothing is said, and at most.
const ENTRIES: u32 = 50;
const MOST_ENTRIES: u32 = 500;

#[derive(Debug, Args)]
pub(super) struct KeyList {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct KeyRevoke {
    /// The key, `key_…`.
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct AgentList {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct ResetOwner {
    /// Who is to be owner: somebody there is, who gets another password and the role, or somebody new.
    /// The oldest owner when not said.
    #[arg(long, value_name = "E")]
    email: Option<String>,
    /// File with the password; one is made and printed when not said.
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Show what was done, newest first.
    List(AuditList),
    /// Check that no entry was changed or removed.
    Verify(AuditVerify),
}

#[derive(Debug, Args)]
pub(super) struct AuditList {
    /// How many entries: 1 to 500.
    #[arg(long, default_value_t = ENTRIES, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_ENTRIES)))]
    limit: u32,
    /// The house's own log: what strangers did.
    #[arg(long, conflicts_with = "tenant")]
    house: bool,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct AuditVerify {
    #[command(flatten)]
    common: Common,
}

impl KeyList {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let cards = Keys::all(&desk.store, &tenant.id).await?;
        let now = desk.clock.now();
        let value = json!({ "keys": cards.iter().map(|card| key(card, now)).collect::<Vec<_>>() });
        desk.close(self.common.json, value).await
    }
}

fn key(card: &KeyCard, now: Time) -> Value {
    let key = &card.key;
    let status = match card.revoked_at {
        Some(_) => "revoked",
        None if card.works_at(now) => "active",
        None => "expired",
    };
    json!({
        "key_id": key.id.as_str(),
        "name": key.name,
        "type": match key.kind { KeyKind::Secret => "secret", KeyKind::Public => "public" },
        "mode": key.mode.as_str(),
        "role": key.role.as_str(),
        "scopes": key.scopes,
        "number_id": key.number.as_ref().map(|number| number.as_str()),
        "allowed_ips": key.allowed_ips,
        "status": status,
        "created_at": secs(card.created_at),
        "expires_at": card.expires_at.map(secs),
        "last_used_at": card.last_used_at.map(secs),
    })
}

/// Seconds since the epoch: what other programs on the operator's side read best.
const fn secs(at: Time) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

impl KeyRevoke {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let id = KeyId::parse(self.key.trim()).context("KEY: ids of keys look like key_…; see key list")?;
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let object = Object::new("api_key", id.as_str());
        let deed = desk.deed(&tenant.id, "api_key.revoked", object, &Value::Null);
        let revoked = Keys::revoke(&desk.store, &tenant.id, &id, desk.clock.now(), Some(deed)).await?;
        if revoked.is_none() {
            bail!("there is no such key, or it was revoked before");
        }
        desk.close(self.common.json, json!({ "key_id": id.as_str(), "status": "revoked" })).await
    }
}

impl AgentList {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let row = |person: &Person| {
            json!({
                "agent_id": person.id.as_str(),
                "email": person.email,
                "name": person.name,
                "role": person.role.as_str(),
            })
        };
        let people = People::all(&desk.store, &tenant.id).await?;
        let value = json!({ "agents": people.iter().map(row).collect::<Vec<_>>() });
        desk.close(self.common.json, value).await
    }
}

impl ResetOwner {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let wanted = self.email.as_deref().map(email).transpose()?;
        let stated = match &self.password_file {
            Some(path) => Some(secret_file("--password-file", path)?),
            None => None,
        };
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let people = People::all(&desk.store, &tenant.id).await?;
        let known = people.iter().find(|person| match &wanted {
            Some(wanted) => person.email == *wanted,
            None => person.role == Role::Owner,
        });
        let address = known.map(|person| person.email.clone()).or(wanted);
        let address = address.context("there is no owner; say who is to be one with --email")?;
        let password = stated.clone().unwrap_or_else(demo::password);
        if let Some(problem) = password_problem(&password, &address) {
            bail!("--password-file: {problem}");
        }
        let id = known.map_or_else(|| UserId::from_uuid(desk.ids.next()), |person| person.id.clone());
        let object = Object::new("person", id.as_str());
        let after = json!({ "email": address, "role": "owner", "password": "changed" });
        let deed = Some(desk.deed(&tenant.id, "person.owner_reset", object, &after));
        match known {
            Some(person) => {
                let change = PersonChange {
                    tenant: tenant.id.clone(),
                    id: person.id.clone(),
                    name: None,
                    role: Some(Role::Owner),
                    password: Some(password.clone()),
                    spare: None,
                    deed,
                };
                match People::change(&desk.store, change).await? {
                    Changed::Done(_) => {}
                    Changed::LastOwner | Changed::Unknown => bail!("they were removed meanwhile; try again"),
                }
            }
            None => {
                let new = NewPerson {
                    id,
                    tenant: tenant.id.clone(),
                    email: address.clone(),
                    name: "Owner".to_owned(),
                    role: Role::Owner,
                    password: password.clone(),
                    at: desk.clock.now(),
                    deed,
                };
                People::add(&desk.store, new).await?;
            }
        }
        let shown = stated.is_none().then_some(password);
        let value = json!({ "owner": { "email": address, "password": shown } });
        desk.close(self.common.json, value).await
    }
}

impl Audit {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
        }
    }
}

impl AuditList {
    async fn run(self) -> anyhow::Result<()> {
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = if self.house { None } else { Some(desk.tenant(&self.whose).await?.id) };
        let page = AuditPage { limit: self.limit, ..AuditPage::default() };
        let entries = desk.store.page(tenant.as_ref(), &page).await?;
        let value = json!({ "entries": entries.iter().map(row).collect::<Vec<_>>() });
        desk.close(self.common.json, value).await
    }
}

fn row(entry: &Entry) -> Value {
    let deed = &entry.deed;
    let read =
        |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "seq": entry.seq,
        "at": secs(deed.at),
        "actor": { "type": deed.actor.kind(), "id": deed.actor.id(), "name": deed.actor.name() },
        "action": deed.action,
        "object": deed.object.as_ref().map(|object| json!({ "type": object.kind, "id": object.id })),
        "before": read(&deed.before),
        "after": read(&deed.after),
        "request_id": deed.request_id,
        "address": deed.address,
        "hash": HEXLOWER.encode(&entry.hash),
    })
}

impl AuditVerify {
    /// Checks the logs of all tenants and the house's own.
    async fn run(self) -> anyhow::Result<()> {
        let desk = Desk::open(&self.common.flags).await?;
        let tenants = Tenants::all(&desk.store).await?.into_iter().map(|tenant| Some(tenant.id));
        let mut logs = Vec::new();
        let mut broken = Vec::new();
        for tenant in tenants.chain([None]) {
            let log = tenant.as_ref().map_or("house", TenantId::as_str).to_owned();
            match desk.store.verify(tenant.as_ref()).await? {
                Verdict::Whole { seq, hash } => {
                    logs.push(json!({ "log": log, "entries": seq, "hash": HEXLOWER.encode(&hash) }));
                }
                Verdict::Broken { seq } => broken.push(format!("{log} at entry {seq}")),
            }
        }
        if !broken.is_empty() {
            desk.store.close().await;
            bail!("the audit log was changed: {}", broken.join(", "));
        }
        desk.close(self.common.json, json!({ "whole": true, "logs": logs })).await
    }
}
