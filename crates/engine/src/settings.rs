//! A number's settings at Meta: read, changed, and what we remember of them.

use offhook_core::event::{Event, KnockKind};
use offhook_core::house::{BusinessNumber, Calling};
use offhook_core::id::{NumberId, TenantId};
use offhook_core::meta::SettingsChange;
use offhook_core::ports::{Document, Settings, StoreFault};

use crate::errors::EngineError;
use crate::house::{Engine, Inner};

impl Engine {
    /// A number with its settings as Meta has them now; with SIP passwords only when they are wanted.
    ///
    /// # Errors
    /// [`EngineError::UnknownNumber`], Meta's fault, or the store's.
    pub async fn settings(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        secrets: bool,
    ) -> Result<(BusinessNumber, Settings), EngineError> {
        let house = &self.inner;
        let number = house.number(tenant, number).await?;
        let at = house.ports.clock.now();
        let settings = house.ports.asker.settings(&number, secrets).await?;
        let number = match settings.calling {
            Some(enabled) if enabled != number.calling.enabled => {
                house.remember_calling(&number, Calling::said(enabled, at)).await?
            }
            Some(_) | None => number,
        };
        Ok((number, settings))
    }

    /// Changes some of a number's settings at Meta. `calling` says what the change makes of calling, if anything.
    ///
    /// # Errors
    /// [`EngineError::UnknownNumber`], [`EngineError::Barred`] for a country whose numbers may not call,
    /// Meta's fault, or the store's.
    pub async fn change_settings(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        change: &Document,
        calling: Option<bool>,
    ) -> Result<BusinessNumber, EngineError> {
        let house = &self.inner;
        let number = house.number(tenant, number).await?;
        if calling == Some(true) {
            house.manners.dialling.admit_enabling(&number)?;
        }
        house.ports.asker.change_settings(&number, change).await?;
        tracing::info!(number.id = %number.id, calling.enabled = calling, "number settings changed");
        match calling {
            Some(enabled) => {
                let said = Calling::said(enabled, house.ports.clock.now());
                Ok(house.remember_calling(&number, said).await?)
            }
            None => Ok(number),
        }
    }
}

impl Inner {
    /// Somebody changed a number's settings at Meta, perhaps we; then those are told who want Meta's own words.
    pub(crate) async fn settings_changed(
        &self,
        knock: i64,
        change: SettingsChange,
    ) -> Result<(), StoreFault> {
        let Some(number) = self.ports.numbers.by_meta_id(&change.number).await? else {
            self.done(knock).await;
            return Ok(());
        };
        if let Some(enabled) = change.calling {
            if enabled != number.calling.enabled {
                tracing::info!(
                    number.id = %number.id, calling.enabled = enabled, "calling was switched at WhatsApp"
                );
            }
            self.remember_calling(&number, Calling::said(enabled, change.at)).await?;
        }
        let told = Event::Knock { knock, number: number.id, call: None, what: KnockKind::Settings };
        self.pass_on(&number.tenant, knock, told).await;
        Ok(())
    }

    async fn remember_calling(
        &self,
        number: &BusinessNumber,
        calling: Calling,
    ) -> Result<BusinessNumber, StoreFault> {
        let known = self.ports.numbers.set_calling(&number.tenant, &number.id, calling).await?;
        Ok(known.unwrap_or_else(|| BusinessNumber { calling, ..number.clone() }))
    }
}
