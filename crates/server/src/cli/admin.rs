//! `offhook admin …`: works on the database itself, whether a server runs on it or not.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use offhook_core::audit::{Actor, Deed, Object};
use offhook_core::house::{ApiKey, KeyMode, MediaMode, Role, Tenant, password_problem, sign_in_address};
use offhook_core::id::{KeyId, MetaNumberId, NumberId, TenantId, UserId};
use offhook_core::phone::Phone;
use offhook_core::ports::{
    Audit as _, ChannelChange, Channels, Clock, Ids, Keys, NewKey, NewNumber, NewPerson, NewTenant, Numbers,
    People, StoreFault, Tenants,
};
use offhook_core::right::is_scope;
use offhook_store::Store;
use serde_json::{Value, json};

use super::{ConfigFlags, accounts, answer};
use crate::clock::{HouseClock, HouseIds};
use crate::config::secret::read_passing_file;
use crate::{demo, wiring};

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Make the first tenant, its owner and its first API key, in an empty database.
    Init(Init),
    /// Business numbers.
    #[command(subcommand)]
    Number(Number),
    /// API keys.
    #[command(subcommand)]
    Key(Key),
    /// People who take calls.
    #[command(subcommand)]
    Agent(Agent),
    /// Give the tenant an owner who can sign in again, when nobody can.
    ResetOwner(accounts::ResetOwner),
    /// The audit log.
    #[command(subcommand)]
    Audit(accounts::Audit),
}

#[derive(Debug, Subcommand)]
pub(super) enum Number {
    /// Connect a business number.
    Add(NumberAdd),
    /// Change a connected number, from its next call on.
    Set(NumberSet),
}

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make an API key. It is shown once.
    Create(KeyCreate),
    /// List API keys.
    List(accounts::KeyList),
    /// Revoke an API key.
    Revoke(accounts::KeyRevoke),
}

#[derive(Debug, Subcommand)]
pub(super) enum Agent {
    /// Add an agent who signs in at the desk.
    Create(AgentCreate),
    /// List everybody who signs in.
    List(accounts::AgentList),
}

/// What every command takes.
#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) flags: ConfigFlags,
    /// Print one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Whose; needed only when there are several tenants.
#[derive(Debug, Args)]
pub(super) struct Whose {
    /// The tenant, `ten_…`; not needed while there is only one.
    #[arg(long)]
    tenant: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The company's name.
    #[arg(long, default_value = "My company")]
    name: String,
    /// The owner's sign-in address.
    #[arg(long, default_value = "owner@offhook.localhost")]
    email: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct NumberAdd {
    /// Meta's id of the number.
    #[arg(long, value_name = "N")]
    phone_number_id: String,
    /// Id of the WhatsApp Business Account.
    #[arg(long, value_name = "W")]
    waba_id: String,
    /// The number itself, such as +15550100200.
    #[arg(long, value_name = "+E164")]
    display_phone: String,
    /// File with Meta's access token for the number.
    #[arg(long, value_name = "F")]
    access_token_file: PathBuf,
    /// Who carries the sound of inbound calls.
    #[arg(long, value_enum, default_value = "bridge")]
    media_mode: MediaWord,
    /// Connect it to the simulator at `whatsapp.sandbox_url` instead of WhatsApp: test keys may use it.
    #[arg(long)]
    sandbox: bool,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct NumberSet {
    /// Meta's id of the number.
    #[arg(long, value_name = "N")]
    phone_number_id: String,
    #[command(flatten)]
    what: NumberChange,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

/// What is to be different.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct NumberChange {
    /// Who carries the sound of its calls.
    #[arg(long, value_enum)]
    media_mode: Option<MediaWord>,
    /// File with a fresh access token of Meta's, when the one before has expired or was revoked.
    #[arg(long, value_name = "F")]
    access_token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MediaWord {
    /// The client that answers.
    Relay,
    /// This server.
    Bridge,
}

#[derive(Debug, Args)]
pub(super) struct KeyCreate {
    /// What the key may do.
    #[arg(long, value_parser = ["owner", "admin", "developer", "agent", "viewer", "billing"])]
    role: String,
    /// Narrower rights with commas between them, such as `calls:read`; all of the role's when not given.
    #[arg(long, value_delimiter = ',', default_value = "*")]
    scopes: Vec<String>,
    /// Whether the key reaches WhatsApp or only the simulator.
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeWord,
    /// For people.
    #[arg(long, default_value = "made by offhook admin")]
    name: String,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeWord {
    /// Real calls.
    Live,
    /// The simulator.
    Test,
}

#[derive(Debug, Args)]
pub(super) struct AgentCreate {
    /// Sign-in address.
    #[arg(long, value_name = "E")]
    email: String,
    /// Shown to colleagues.
    #[arg(long, value_name = "N")]
    name: String,
    /// File with the password.
    #[arg(long, value_name = "F")]
    password_file: PathBuf,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    common: Common,
}

impl Admin {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Init(init) => init.run().await,
            Self::Number(Number::Add(add)) => add.run().await,
            Self::Number(Number::Set(set)) => set.run().await,
            Self::Key(Key::Create(create)) => create.run().await,
            Self::Key(Key::List(list)) => list.run().await,
            Self::Key(Key::Revoke(revoke)) => revoke.run().await,
            Self::Agent(Agent::Create(create)) => create.run().await,
            Self::Agent(Agent::List(list)) => list.run().await,
            Self::ResetOwner(reset) => reset.run().await,
            Self::Audit(audit) => audit.run().await,
        }
    }
}

/// The opened database, and fresh ids.
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) clock: HouseClock,
    pub(super) ids: HouseIds,
}

impl Desk {
    pub(super) async fn open(flags: &ConfigFlags) -> anyhow::Result<Self> {
        let config = flags.load()?;
        let clock = HouseClock::start();
        let store = wiring::open_memory(&config).await?.store;
        Ok(Self { store, clock, ids: HouseIds::new(clock) })
    }

    pub(super) async fn tenant(&self, whose: &Whose) -> anyhow::Result<Tenant> {
        let tenants = Tenants::all(&self.store).await?;
        if let Some(text) = &whose.tenant {
            let id = TenantId::parse(text).context("--tenant: not a tenant's id")?;
            return tenants.into_iter().find(|tenant| tenant.id == id).context("--tenant: no such tenant");
        }
        let [tenant] = <[Tenant; 1]>::try_from(tenants).map_err(|tenants| {
            anyhow::anyhow!(if tenants.is_empty() {
                "there is no tenant yet; run: offhook admin init"
            } else {
                "there are several tenants; say which with --tenant"
            })
        })?;
        Ok(tenant)
    }

    async fn mint(&self, key: ApiKey) -> Result<String, StoreFault> {
        let object = Object::new("api_key", key.id.as_str());
        let after = json!({ "name": key.name, "role": key.role.as_str(), "scopes": key.scopes });
        let deed = self.deed(&key.tenant, "api_key.created", object, &after);
        let new = NewKey { deed: Some(deed), ..NewKey::of(key, self.clock.now()) };
        Ok(Keys::mint(&self.store, new).await?.text)
    }

    /// Lets go of the database before the answer is printed, so that it is on the disk then.
    /// What the operator does, for the audit log.
    pub(super) fn deed(&self, tenant: &TenantId, action: &str, object: Object, after: &Value) -> Deed {
        let after = (!after.is_null()).then(|| after.to_string());
        let deed = Deed::new(tenant, self.clock.now(), Actor::Operator, action);
        Deed { object: Some(object), after, ..deed }
    }

    pub(super) async fn close(self, json: bool, value: serde_json::Value) -> anyhow::Result<()> {
        self.store.close().await;
        answer(json, &value)
    }
}

impl Init {
    async fn run(self) -> anyhow::Result<()> {
        let email = email(&self.email)?;
        let desk = Desk::open(&self.common.flags).await?;
        if !Tenants::all(&desk.store).await?.is_empty() {
            bail!("this database has a tenant already; nothing was changed");
        }
        let at = desk.clock.now();
        let new = NewTenant { id: TenantId::from_uuid(desk.ids.next()), name: self.name, at };
        let tenant = Tenants::add(&desk.store, new).await?;
        let password = demo::password();
        let id = UserId::from_uuid(desk.ids.next());
        let object = Object::new("person", id.as_str());
        let after = json!({ "email": email, "role": "owner" });
        let owner = NewPerson {
            deed: Some(desk.deed(&tenant.id, "person.added", object, &after)),
            id,
            tenant: tenant.id.clone(),
            email: email.clone(),
            name: "Owner".to_owned(),
            role: Role::Owner,
            password: password.clone(),
            at,
        };
        People::add(&desk.store, owner).await?;
        let id = KeyId::from_uuid(desk.ids.next());
        let key = ApiKey { name: "first key".to_owned(), ..ApiKey::new(id, tenant.id.clone(), Role::Owner) };
        let api_key = desk.mint(key).await?;
        let value = json!({
            "tenant_id": tenant.id.as_str(),
            "account_id": tenant.account_id,
            "api_key": api_key,
            "owner": { "email": email, "password": password },
        });
        desk.close(self.common.json, value).await
    }
}

impl NumberAdd {
    async fn run(self) -> anyhow::Result<()> {
        let meta_id = MetaNumberId::parse(&self.phone_number_id)
            .context("--phone-number-id: Meta's ids of numbers are digits")?;
        let phone = Phone::parse(&self.display_phone).context("--display-phone")?;
        if self.waba_id.is_empty() || !self.waba_id.bytes().all(|b| b.is_ascii_digit()) {
            bail!("--waba-id: ids of WhatsApp Business Accounts are digits");
        }
        let access_token = secret_file("--access-token-file", &self.access_token_file)?;
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let new = NewNumber {
            id: NumberId::from_uuid(desk.ids.next()),
            tenant: tenant.id.clone(),
            meta_id,
            waba_id: self.waba_id,
            phone,
            media_mode: self.media_mode.into(),
            sandbox: self.sandbox,
            access_token,
            at: desk.clock.now(),
        };
        let number = Numbers::add(&desk.store, new).await?;
        let object = Object::new("number", number.id.as_str());
        let after = json!({ "phone_number_id": number.meta_id.as_str(), "sandbox": number.sandbox });
        desk.store.record(desk.deed(&tenant.id, "number.added", object, &after)).await?;
        let key = ApiKey {
            name: format!("number {}", number.meta_id.as_str()),
            mode: if number.sandbox { KeyMode::Test } else { KeyMode::Live },
            number: Some(number.id.clone()),
            ..ApiKey::new(KeyId::from_uuid(desk.ids.next()), tenant.id, Role::Developer)
        };
        let d360_api_key = desk.mint(key).await?;
        let value = json!({
            "number_id": number.id.as_str(),
            "channel_id": number.id.uuid().to_string(),
            "d360_api_key": d360_api_key,
        });
        desk.close(self.common.json, value).await
    }
}

impl NumberSet {
    async fn run(self) -> anyhow::Result<()> {
        let meta_id = MetaNumberId::parse(&self.phone_number_id)
            .context("--phone-number-id: Meta's ids of numbers are digits")?;
        let token = self.what.access_token_file.as_deref();
        let access_token = token.map(|path| secret_file("--access-token-file", path)).transpose()?;
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let number = desk.store.by_meta_id(&meta_id).await?.context("--phone-number-id: not connected")?;
        ensure!(number.tenant == tenant.id, "--phone-number-id: another tenant's");
        let object = Object::new("number", number.id.as_str());
        let mut after = json!({});
        if let Some(mode) = self.what.media_mode.map(MediaMode::from) {
            desk.store.set_media_mode(&tenant.id, &number.id, mode).await?;
            after["media_mode"] = json!(mode);
        }
        if access_token.is_some() {
            let change = ChannelChange { access_token, display_name: None, at: desk.clock.now() };
            Channels::change(&desk.store, &tenant.id, &number.id, change).await?;
            after["access_token"] = json!("replaced");
        }
        desk.store.record(desk.deed(&tenant.id, "number.changed", object, &after)).await?;
        after["number_id"] = json!(number.id.as_str());
        desk.close(self.common.json, after).await
    }
}

impl From<MediaWord> for MediaMode {
    fn from(word: MediaWord) -> Self {
        match word {
            MediaWord::Relay => Self::Relay,
            MediaWord::Bridge => Self::Bridge,
        }
    }
}

impl KeyCreate {
    async fn run(self) -> anyhow::Result<()> {
        let role = Role::parse(&self.role).context("--role")?;
        let scopes: Vec<String> = self.scopes.iter().map(|scope| scope.trim().to_owned()).collect();
        if let Some(odd) = scopes.iter().find(|scope| !is_scope(scope)) {
            bail!("--scopes: {odd:?} is not a scope; they look like calls:read, calls:* or *");
        }
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let mode = match self.mode {
            ModeWord::Live => KeyMode::Live,
            ModeWord::Test => KeyMode::Test,
        };
        let id = KeyId::from_uuid(desk.ids.next());
        let key = ApiKey { scopes, mode, name: self.name, ..ApiKey::new(id.clone(), tenant.id, role) };
        let api_key = desk.mint(key).await?;
        desk.close(self.common.json, json!({ "key_id": id.as_str(), "api_key": api_key })).await
    }
}

impl AgentCreate {
    async fn run(self) -> anyhow::Result<()> {
        let email = email(&self.email)?;
        let password = secret_file("--password-file", &self.password_file)?;
        if let Some(problem) = password_problem(&password, &email) {
            bail!("--password-file: {problem}");
        }
        let desk = Desk::open(&self.common.flags).await?;
        let tenant = desk.tenant(&self.whose).await?;
        let id = UserId::from_uuid(desk.ids.next());
        let object = Object::new("person", id.as_str());
        let after = json!({ "email": email, "name": self.name, "role": "agent" });
        let new = NewPerson {
            deed: Some(desk.deed(&tenant.id, "person.added", object, &after)),
            id,
            tenant: tenant.id,
            email,
            name: self.name,
            role: Role::Agent,
            password,
            at: desk.clock.now(),
        };
        let person = People::add(&desk.store, new).await?;
        desk.close(self.common.json, json!({ "agent_id": person.id.as_str() })).await
    }
}

/// Reads a secret a flag names.
pub(super) fn secret_file(flag: &str, path: &Path) -> anyhow::Result<String> {
    // The words are the same as for a key of the configuration; the code of the program is not.
    read_passing_file(flag, path).map_err(|error| anyhow::anyhow!("{error}"))
}

/// An address people sign in with; whether mail reaches it is not our concern.
pub(super) fn email(text: &str) -> anyhow::Result<String> {
    sign_in_address(text).with_context(|| format!("--email: {text:?} is not an address"))
}
