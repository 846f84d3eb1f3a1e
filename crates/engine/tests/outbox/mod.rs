//! Hooks in virtual time: nothing lost, order kept, nobody delayed by somebody else's server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::event::{Event, KnockKind};
use offhook_core::hook::{Credentials, DeliveryState, Disabled, Dress, Health, Hook, HookSecret, Reply};
use offhook_core::id::{CallId, HookId, RecordingId};
use offhook_core::meta::Direction;
use offhook_core::ports::fake::{FakeCarrier, PlainDresser};
use offhook_core::ports::{Deliveries, Hooks, NewHook};
use offhook_engine::{Delivering, Replay};
use uuid::Uuid;

use crate::rig::{Rig, connect, terminate};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A house with hooks and a carrier that does as told.
struct House {
    rig: Rig,
    carrier: Arc<FakeCarrier>,
}

impl House {
    async fn new() -> Self {
        let house = Self { rig: Rig::new().await, carrier: Arc::new(FakeCarrier::default()) };
        house.deliver().await;
        house
    }

    async fn deliver(&self) {
        let memory = self.rig.memory.clone();
        let with = Delivering {
            hooks: memory.clone(),
            deliveries: memory,
            dresser: Arc::new(PlainDresser),
            carrier: self.carrier.clone(),
        };
        self.rig.engine().deliver(with).await.unwrap();
    }

    /// The program goes and another begins on the same memory.
    async fn restart(&mut self) {
        self.rig.restart().await;
        self.deliver().await;
    }

    async fn hook(&self, name: u128, dress: Dress) -> Hook {
        let hook = Hook {
            id: HookId::from_uuid(Uuid::from_u128(name)),
            tenant: self.rig.tenant.clone(),
            url: format!("https://{name}.example.com/"),
            dress,
            number: None,
            topics: vec!["*".to_owned()],
            description: None,
            active: true,
            disabled: None,
            health: Health::default(),
            place: 0,
            created_at: self.rig.now(),
            updated_at: self.rig.now(),
        };
        let credentials = Credentials::new(HookSecret::new("s".to_owned()));
        let hook = Hooks::add(&*self.rig.memory, NewHook { hook, credentials }, 9).await.unwrap();
        self.rig.engine().hook_changed(&hook.tenant, &hook.id);
        hook
    }

    /// Something happens to a call.
    async fn happens(&self, call: u128) {
        let id = Uuid::from_u128(call);
        let (recording, call) = (RecordingId::from_uuid(id), CallId::from_uuid(id));
        let event = Event::Recording { recording, call, length_ms: 1, truncated: false };
        self.rig.engine().note(&self.rig.tenant, event).await.unwrap();
    }

    /// What arrived, as places in the log by thread.
    fn arrived(&self, hook: &Hook) -> BTreeMap<String, Vec<u64>> {
        let mut threads: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (_, body) in self.carrier.arrived(&hook.url) {
            let [_, thread, seq] = body.split(' ').collect::<Vec<_>>()[..] else { panic!("{body}") };
            threads.entry(thread.to_owned()).or_default().push(seq.parse().unwrap());
        }
        threads
    }

    fn count(&self, hook: &Hook) -> usize {
        self.carrier.arrived(&hook.url).len()
    }

    async fn until_arrived(&self, hook: &Hook, count: usize, wait: Duration) {
        self.rig.within(wait, |_| (self.count(hook) >= count).then_some(())).await;
    }

    async fn stored(&self, hook: &Hook) -> Hook {
        Hooks::find(&*self.rig.memory, &hook.tenant, &hook.id).await.unwrap().unwrap()
    }

    async fn state(&self, hook: &Hook, state: DeliveryState) -> usize {
        let page =
            self.rig.memory.deliveries(&hook.tenant, &hook.id, Some(state), None, 10_000).await.unwrap();
        page.deliveries.len()
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_without_the_customers_server_loses_nothing_and_keeps_order_per_call() {
    let mut house = House::new().await;
    let hook = house.hook(1, Dress::Orbit).await;
    house.carrier.set_dead(&hook.url, true);
    for turn in 0..72 {
        // Each call has three events, twenty minutes apart; three calls go on at a time.
        house.happens(turn / 3).await;
        house.happens(1000 + turn / 3).await;
        tokio::time::sleep(20 * MINUTE).await;
        if turn % 24 == 12 {
            house.restart().await;
        }
    }
    assert_eq!(house.count(&hook), 0);
    house.carrier.set_dead(&hook.url, false);
    house.until_arrived(&hook, 144, 48 * HOUR).await;

    let threads = house.arrived(&hook);
    assert_eq!(threads.len(), 48);
    for (thread, seqs) in threads {
        assert_eq!(seqs.len(), 3, "{thread}: each event arrives once");
        assert!(seqs.is_sorted(), "{thread}: {seqs:?}");
    }
    assert_eq!(house.state(&hook, DeliveryState::Dead).await, 0);
    assert!(house.stored(&hook).await.active);
}

#[tokio::test(start_paused = true)]
async fn a_dead_and_a_stuck_server_delay_nobody_else() {
    let house = House::new().await;
    let (dead, stuck, well) = (
        house.hook(1, Dress::Orbit).await,
        house.hook(2, Dress::Orbit).await,
        house.hook(3, Dress::Orbit).await,
    );
    house.carrier.set_dead(&dead.url, true);
    house.carrier.set_stuck(&stuck.url);
    for call in 0..200 {
        let before = house.count(&well);
        house.happens(call).await;
        house.until_arrived(&well, before + 1, Duration::from_secs(2)).await;
    }
    assert_eq!((house.count(&dead), house.count(&stuck)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_the_program_died_arrives_after_the_restart() {
    let mut house = House::new().await;
    let hook = house.hook(1, Dress::Orbit).await;
    house.carrier.set_stuck(&hook.url);
    for call in 0..10 {
        house.happens(call).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let road = Arc::new(FakeCarrier::default());
    house.carrier = road;
    house.restart().await;
    house.until_arrived(&hook, 10, MINUTE).await;
    // And what nobody announced, because it was written by a program that died at once.
    house.happens(77).await;
    house.until_arrived(&hook, 11, MINUTE).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_given_up_after_the_last_try_and_sent_again_by_hand() {
    let house = House::new().await;
    let hook = house.hook(1, Dress::Orbit).await;
    house.carrier.set_dead(&hook.url, true);
    house.happens(1).await;
    house.happens(1).await;
    tokio::time::sleep(40 * HOUR).await;
    assert_eq!(house.state(&hook, DeliveryState::Dead).await, 1);
    let tries = house.carrier.carried();
    let mut of_first: Vec<_> =
        tries.iter().filter(|(parcel, _)| parcel.dressed.body.ends_with(b" 1")).collect();
    assert_eq!(of_first.len(), 7);
    of_first.dedup_by_key(|(parcel, _)| parcel.delivery);
    assert_eq!(of_first.len(), 1, "one delivery");
    assert!(
        tries.iter().any(|(parcel, _)| parcel.dressed.body.ends_with(b" 2")),
        "the next one has its turn"
    );

    house.carrier.set_dead(&hook.url, false);
    let replayed = house.rig.engine().replay(&hook, Replay::Dead(None)).await.unwrap();
    assert_eq!(replayed.count, 1);
    house.until_arrived(&hook, 2, 30 * HOUR).await;
    assert_eq!(house.state(&hook, DeliveryState::Dead).await, 0);
}

#[tokio::test(start_paused = true)]
async fn events_are_sent_again_by_id_and_by_time() {
    let house = House::new().await;
    house.happens(1).await;
    tokio::time::sleep(MINUTE).await;
    let hook = house.hook(1, Dress::Orbit).await;
    let began = house.rig.now();
    house.happens(2).await;
    tokio::time::sleep(MINUTE).await;
    let later = house.rig.now();
    house.happens(3).await;
    house.until_arrived(&hook, 2, MINUTE).await;

    let log = house.rig.memory.log(&house.rig.tenant);
    let engine = house.rig.engine();
    let replayed = engine.replay(&hook, Replay::Event(log[0].id.clone())).await.unwrap();
    assert_eq!((replayed.count, replayed.rest_since), (1, None));
    house.until_arrived(&hook, 3, MINUTE).await;
    assert_eq!(engine.replay(&hook, Replay::Between(began, later)).await.unwrap().count, 1);
    assert_eq!(engine.replay(&hook, Replay::Between(began, later + MINUTE)).await.unwrap().count, 2);
    house.until_arrived(&hook, 6, MINUTE).await;
    let unknown = offhook_core::id::EventId::from_uuid(Uuid::from_u128(99_999));
    assert_eq!(engine.replay(&hook, Replay::Event(unknown)).await.unwrap().count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_for_three_days_is_made_inactive_and_keeps_its_place() {
    let house = House::new().await;
    let hook = house.hook(1, Dress::Orbit).await;
    house.carrier.set_dead(&hook.url, true);
    for call in 0..80 {
        house.happens(call).await;
        tokio::time::sleep(HOUR).await;
    }
    let stored = house.stored(&hook).await;
    assert_eq!((stored.active, stored.disabled), (false, Some(Disabled::Failing)));
    let log = house.rig.memory.log(&house.rig.tenant);
    assert!(
        log.iter()
            .any(|logged| matches!(&logged.event, Event::Hook { hook: which, .. } if *which == hook.id))
    );
    let tries = house.carrier.carried().len();
    tokio::time::sleep(10 * HOUR).await;
    assert_eq!(house.carrier.carried().len(), tries, "nothing is sent any more");

    house.carrier.set_dead(&hook.url, false);
    assert!(house.rig.memory.change(&Hook { active: true, ..stored }).await.unwrap());
    house.rig.engine().hook_changed(&hook.tenant, &hook.id);
    let dead = house.state(&hook, DeliveryState::Dead).await;
    house.until_arrived(&hook, 80 - dead, 30 * HOUR).await;
    assert!(house.arrived(&hook).values().all(|seqs| seqs.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_says_it_is_gone_is_made_inactive_at_once() {
    let house = House::new().await;
    let hook = house.hook(1, Dress::Orbit).await;
    house.carrier.set_reply(&hook.url, Reply::Failed { stay_away: None, gone: true });
    house.happens(1).await;
    tokio::time::sleep(MINUTE).await;
    let stored = house.stored(&hook).await;
    assert_eq!((stored.active, stored.disabled), (false, Some(Disabled::Gone)));
}

#[tokio::test(start_paused = true)]
async fn a_paused_hook_is_told_later_and_a_removed_one_never() {
    let house = House::new().await;
    let hook = house.hook(1, Dress::Orbit).await;
    let engine = house.rig.engine();
    let set = |active| Hook { active, ..hook.clone() };
    house.rig.memory.change(&set(false)).await.unwrap();
    engine.hook_changed(&hook.tenant, &hook.id);
    tokio::time::sleep(MINUTE).await;
    house.happens(1).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(house.count(&hook), 0);
    house.rig.memory.change(&set(true)).await.unwrap();
    engine.hook_changed(&hook.tenant, &hook.id);
    house.until_arrived(&hook, 1, MINUTE).await;

    Hooks::remove(&*house.rig.memory, &hook.tenant, &hook.id).await.unwrap();
    engine.hook_changed(&hook.tenant, &hook.id);
    tokio::time::sleep(MINUTE).await;
    house.happens(2).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(house.count(&hook), 1);
}

#[tokio::test(start_paused = true)]
async fn a_test_reaches_its_own_hook_only() {
    let house = House::new().await;
    let (first, second) = (house.hook(1, Dress::Orbit).await, house.hook(2, Dress::Orbit).await);
    house.rig.engine().test_hook(&first).await.unwrap();
    house.until_arrived(&first, 1, MINUTE).await;
    assert_eq!(house.count(&second), 0);
    assert_eq!(house.carrier.carried()[0].0.name, "test");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_away_for_an_hour_delays_and_loses_nothing() {
    let house = House::new().await;
    let hook = house.hook(1, Dress::Orbit).await;
    house.happens(1).await;
    house.until_arrived(&hook, 1, MINUTE).await;
    tokio::time::sleep(MINUTE).await;
    house.happens(2).await;
    house.rig.memory.set_broken(true);
    tokio::time::sleep(HOUR).await;
    house.rig.memory.set_broken(false);
    house.happens(3).await;
    house.rig.within(MINUTE, |_| (house.arrived(&hook).len() == 3).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn metas_own_words_are_told_in_the_order_they_were_dealt_with() {
    let house = House::new().await;
    house.rig.webhook(connect("before", Direction::Inbound)).await;
    house.rig.within(MINUTE, |rig| (!rig.memory.calls().is_empty()).then_some(())).await;
    house.hook(1, Dress::Vobiz).await;
    let kinds = |rig: &Rig| -> Vec<KnockKind> {
        let log = rig.memory.log(&rig.tenant);
        let kinds = log.iter().filter_map(|logged| match &logged.event {
            Event::Knock { what, call: Some(_), .. } => Some(*what),
            _ => None,
        });
        kinds.collect()
    };
    house.rig.webhook(connect("A", Direction::Inbound)).await;
    house.rig.webhook(terminate("A", Direction::Inbound, None)).await;
    // Repetitions are known, and told nobody.
    house.rig.webhook(connect("A", Direction::Inbound)).await;
    house.rig.within(MINUTE, |rig| (kinds(rig).len() >= 2).then_some(())).await;
    tokio::time::sleep(MINUTE).await;
    assert_eq!(kinds(&house.rig), [KnockKind::Connect, KnockKind::Terminate]);
}
