//! Retry schedules, filters, rotation and the rule that makes a hook inactive.

use uuid::Uuid;

use super::*;

const NOW: Time = Time::from_secs(1_793_610_900);

fn hook(topics: &[&str]) -> Hook {
    Hook {
        id: HookId::from_uuid(Uuid::nil()),
        tenant: TenantId::from_uuid(Uuid::nil()),
        url: "https://example.com/".to_owned(),
        dress: Dress::Orbit,
        number: None,
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        description: None,
        active: true,
        disabled: None,
        health: Health::default(),
        place: 0,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// Fails every try and writes down how long after the first each of them was.
fn tries(dress: Dress, id: u128) -> Vec<u64> {
    let mut at = NOW;
    let mut when = vec![0];
    let failed = Reply::Failed { stay_away: None, gone: false };
    for tries in 1.. {
        match follow(dress, Uuid::from_u128(id), tries, at, failed) {
            Next::Again(next) => at = next,
            Next::Dead => break,
            Next::Delivered => unreachable!("it failed"),
        }
        when.push(at.since(NOW).as_secs());
    }
    when
}

#[test]
fn orbit_tries_seven_times_as_documented() {
    let waits = [60, 300, 1800, 7200, 28_800, 86_400];
    let planned: Vec<u64> = waits
        .iter()
        .scan(0, |sum, wait| {
            *sum += wait;
            Some(*sum)
        })
        .collect();
    let when = tries(Dress::Orbit, 0);
    assert_eq!(when[1..], planned[..]);
    assert_eq!(when.len(), most_tries(Dress::Orbit));
    for (late, planned) in tries(Dress::Orbit, 999).into_iter().zip(when) {
        assert!((planned..=planned + planned / 10).contains(&late), "{late} for {planned}");
    }
}

#[test]
fn vobiz_tries_hourly_up_to_a_day_and_meta_daily_up_to_a_week() {
    let vobiz = tries(Dress::Vobiz, 0);
    assert_eq!(vobiz[..6], [0, 10, 70, 370, 1270, 4870]);
    assert_eq!(vobiz.len(), most_tries(Dress::Vobiz));
    let last = *vobiz.last().unwrap();
    assert!((86_400 - 3600..=86_400).contains(&last), "{last}");
    let meta = *tries(Dress::Meta, 0).last().unwrap();
    assert!((6 * 86_400..=7 * 86_400).contains(&meta), "{meta}");
}

#[test]
fn a_customer_can_ask_for_more_time_but_not_for_ever() {
    let failed = |secs| Reply::Failed { stay_away: Some(Duration::from_secs(secs)), gone: false };
    let check = |secs, wait| {
        let next = follow(Dress::Orbit, Uuid::nil(), 1, NOW, failed(secs));
        assert_eq!(next, Next::Again(NOW + Duration::from_secs(wait)), "{secs}");
    };
    check(10, 60);
    check(900, 900);
    check(10_000_000, 86_400);
}

#[test]
fn an_address_that_is_gone_is_not_tried_again() {
    let gone = Reply::Failed { stay_away: None, gone: true };
    assert_eq!(follow(Dress::Orbit, Uuid::nil(), 1, NOW, gone), Next::Dead);
}

#[test]
fn a_hook_is_made_inactive_after_a_hundred_failures_over_three_days() {
    let mut health = Health::default();
    let hour = |n: u32| NOW + Duration::from_secs(3600) * n;
    assert!((0..500).all(|_| !health.note(false, NOW)), "many at once are one bad moment");
    assert!(!health.note(false, hour(71)));
    assert!(health.note(false, hour(72)));
    assert!(!health.note(true, hour(72)));
    assert!(!health.note(false, hour(73)), "a success begins the count anew");
    let mut slow = Health::default();
    assert_eq!((0..99).filter(|n| slow.note(false, hour(*n))).count(), 0);
    assert!(slow.note(false, hour(99)));
}

#[test]
fn topics_are_names_beginnings_or_everything() {
    let check = |topics: &[&str], name: &str, second: bool, heard: bool| {
        assert_eq!(hook(topics).hears(name, second), heard, "{topics:?} {name}");
    };
    check(&["*"], "whatsapp.call.completed", false, true);
    check(&["*"], "call.completed", true, false);
    check(&["call.*"], "call.completed", true, true);
    check(&["call.completed"], "call.completed", true, true);
    check(&["whatsapp.call.*"], "whatsapp.call.missed", false, true);
    check(&["whatsapp.call.*"], "whatsapp.callback", false, false);
    check(&["whatsapp.call.missed"], "whatsapp.call.missed_too", false, false);
    check(&["w*"], "whatsapp.call.missed", false, false);
    check(&[], "whatsapp.call.missed", false, false);
}

#[test]
fn two_secrets_sign_for_a_day_after_a_rotation() {
    let secret = |text: &str| HookSecret::new(text.to_owned());
    let mut credentials = Credentials::new(secret("old"));
    credentials.rotate(secret("new"), NOW);
    assert_eq!(credentials.signing(NOW), [secret("new"), secret("old")]);
    assert_eq!(credentials.signing(NOW + OVERLAP), [secret("new")]);
    credentials.rotate(secret("newest"), NOW + Duration::from_secs(60));
    assert_eq!(credentials.signing(NOW + Duration::from_secs(60)), [secret("newest"), secret("new")]);
    assert_eq!(format!("{credentials:?}").matches("new").count(), 0, "secrets do not print");
}
