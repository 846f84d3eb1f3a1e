//! The demo's data: made once, kept in `demo.json`, planted where it is missing.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use offhook_core::house::{ApiKey, MediaMode, Role, Tenant};
use offhook_core::id::{KeyId, MetaNumberId, NumberId, TenantId, UserId};
use offhook_core::phone::Phone;
use offhook_core::ports::{
    Clock, Ids, Keys, NewKey, NewNumber, NewPerson, NewTenant, Numbers, People, Tenants,
};
use offhook_store::Store;
use serde::{Deserialize, Serialize};

use super::{BRIDGED_NUMBER, BRIDGED_PHONE_NUMBER_ID, NUMBER, PHONE_NUMBER_ID, WABA_ID, password};
use crate::clock::{HouseClock, HouseIds};
use crate::config::Config;
use crate::wiring;

/// Name of the file in the demo's folder.
const FILE: &str = "demo.json";

/// What the demo's folder remembers. Secrets are random and made at first start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Seed {
    pub(crate) app_secret: String,
    pub(crate) verify_token: String,
    pub(crate) access_token: String,
    pub(super) agents: Vec<Login>,
    /// Known once the key is made.
    api_key: Option<String>,
    /// The same, of the key for the relayed number alone.
    #[serde(default)]
    number_key: Option<String>,
    #[serde(skip)]
    file: PathBuf,
}

/// Somebody who signs in at the desk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: String,
    pub(super) role: Role,
}

/// A database with everything in it.
pub(crate) struct Seeded {
    pub(super) seed: Seed,
    pub(crate) tenant: Tenant,
    /// The relayed one, then the bridged one.
    pub(crate) numbers: Vec<NumberId>,
    pub(crate) api_key: String,
    /// For the relayed number alone, as 360dialog's clients have it.
    pub(super) number_key: String,
    pub(crate) people: Vec<UserId>,
}

impl Seed {
    /// What `folder` remembers; made, with the folder, at first start.
    pub(super) fn load_or_create(folder: &Path) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).with_context(|| folder.display().to_string())?;
        let file = folder.join(FILE);
        match fs::read(&file) {
            Ok(bytes) => {
                let seed: Self = serde_json::from_slice(&bytes).with_context(|| {
                    format!("{} cannot be read; delete the folder to start afresh", file.display())
                })?;
                Ok(Self { file, ..seed })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let seed = Self::fresh(file);
                seed.save()?;
                Ok(seed)
            }
            Err(error) => Err(error).with_context(|| file.display().to_string()),
        }
    }

    fn fresh(file: PathBuf) -> Self {
        let login = |name: &str, role| Login {
            name: name.to_owned(),
            email: format!("{}@demo.example", name.to_lowercase()),
            password: password(),
            role,
        };
        Self {
            app_secret: password(),
            verify_token: password(),
            access_token: password(),
            agents: vec![login("Ada", Role::Owner), login("Ben", Role::Agent)],
            api_key: None,
            number_key: None,
            file,
        }
    }

    /// Whole or not at all, and for the owner's eyes.
    fn save(&self) -> anyhow::Result<()> {
        let draft = self.file.with_extension("json.new");
        let _ = fs::remove_file(&draft);
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        out.write_all(&serde_json::to_vec_pretty(self)?)?;
        out.sync_all()?;
        Ok(fs::rename(&draft, &self.file)?)
    }

    /// Adds what the database lacks, so that a start that was cut short is finished by the next.
    pub(crate) async fn plant(self, config: &Config) -> anyhow::Result<Seeded> {
        let store = wiring::open_memory(config).await?.store;
        let planted = self.plant_in(&store).await;
        store.close().await;
        planted
    }

    async fn plant_in(mut self, store: &Store) -> anyhow::Result<Seeded> {
        let clock = HouseClock::start();
        let (ids, at) = (HouseIds::new(clock), clock.now());
        let tenant = match Tenants::all(store).await?.into_iter().next() {
            Some(tenant) => tenant,
            None => {
                // Keys of an earlier database open nothing in a fresh one.
                (self.api_key, self.number_key) = (None, None);
                let new =
                    NewTenant { id: TenantId::from_uuid(ids.next()), name: "Demo company".to_owned(), at };
                Tenants::add(store, new).await?
            }
        };
        let people = People::all(store, &tenant.id).await?;
        for login in
            self.agents.iter().filter(|login| people.iter().all(|person| person.email != login.email))
        {
            let new = NewPerson {
                id: UserId::from_uuid(ids.next()),
                tenant: tenant.id.clone(),
                email: login.email.clone(),
                name: login.name.clone(),
                role: login.role,
                password: login.password.clone(),
                at,
                deed: None,
            };
            People::add(store, new).await?;
        }
        let mut numbers = Vec::new();
        for (id, phone, media_mode) in [
            (PHONE_NUMBER_ID, NUMBER, MediaMode::Relay),
            (BRIDGED_PHONE_NUMBER_ID, BRIDGED_NUMBER, MediaMode::Bridge),
        ] {
            let meta_id = MetaNumberId::parse(id).context("the demo's number")?;
            let number = match store.by_meta_id(&meta_id).await? {
                Some(number) => number,
                None => {
                    let new = NewNumber {
                        id: NumberId::from_uuid(ids.next()),
                        tenant: tenant.id.clone(),
                        meta_id,
                        waba_id: WABA_ID.to_owned(),
                        phone: Phone::parse(phone)?,
                        media_mode,
                        sandbox: true,
                        access_token: self.access_token.clone(),
                        at,
                    };
                    Numbers::add(store, new).await?
                }
            };
            numbers.push(number.id);
        }
        let mint = async |name: &str, role: Role, number: Option<&NumberId>| -> anyhow::Result<String> {
            let key = ApiKey::new(KeyId::from_uuid(ids.next()), tenant.id.clone(), role);
            let key = ApiKey { name: name.to_owned(), number: number.cloned(), ..key };
            Ok(Keys::mint(store, NewKey::of(key, at)).await?.text)
        };
        let api_key = match self.api_key.clone() {
            Some(text) => text,
            // With it every sample of the documentation runs, and switching calling on is the owner's.
            None => mint("Demo", Role::Owner, None).await?,
        };
        let number_key = match self.number_key.clone() {
            Some(text) => text,
            None => mint("Demo, one number", Role::Developer, numbers.first()).await?,
        };
        self.api_key = Some(api_key.clone());
        self.number_key = Some(number_key.clone());
        self.save()?;
        let people = People::all(store, &tenant.id).await?.into_iter().map(|person| person.id).collect();
        Ok(Seeded { seed: self, tenant, numbers, api_key, number_key, people })
    }
}
