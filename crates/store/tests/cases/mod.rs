//! The promises, one function each. Every function gets an empty database of its own.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod calls;
pub(crate) mod channels;
pub(crate) mod claims;
pub(crate) mod contacts;
pub(crate) mod erasure;
pub(crate) mod hooks;
pub(crate) mod imports;
pub(crate) mod inbox;
pub(crate) mod isolation;
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod numbers;
pub(crate) mod opening;
pub(crate) mod pages;
pub(crate) mod people;
pub(crate) mod permissions;
pub(crate) mod recordings;
pub(crate) mod secrets;

/// Hands the list of all promises to a macro that makes something of it.
macro_rules! every_case {
    ($make:ident) => {
        $make! {
            accounts::a_key_comes_back_as_it_was_made,
            accounts::a_revoked_key_stays_revoked,
            accounts::a_replaced_key_works_until_its_time_is_over,
            accounts::an_allow_list_is_replaced_whole,
            accounts::a_person_is_changed_with_the_deed,
            accounts::a_removed_person_is_gone_with_their_sessions,
            accounts::the_last_owner_stays,
            accounts::a_session_remembers_when_it_was_used,
            accounts::a_ticket_says_what_it_was_given_for,
            accounts::a_refused_change_writes_nothing_down,
            audit::deeds_come_back_newest_first_as_they_were_told,
            audit::an_address_is_told_only_with_the_master_key,
            audit::entries_written_at_once_follow_one_another,
            audit::an_entry_cannot_be_changed_or_removed,
            audit::whoever_gets_around_that_is_found_out,
            calls::a_commit_comes_back_as_it_was_written,
            calls::a_commit_that_does_not_follow_is_refused_and_changes_nothing,
            calls::of_commits_racing_for_one_version_exactly_one_wins,
            calls::a_wacid_belongs_to_one_call,
            calls::live_calls_are_those_that_are_not_over,
            calls::lists_narrow_by_every_filter,
            calls::an_agent_lists_calls_taken_placed_and_missed,
            calls::pages_neither_repeat_nor_skip_while_calls_come_in,
            calls::an_unreadable_call_is_told_without_its_values_and_stops_no_other,
            contacts::a_contact_comes_back_as_it_was_written_and_is_found_by_every_key,
            contacts::no_two_contacts_share_a_key,
            contacts::of_changes_racing_for_one_version_exactly_one_wins,
            contacts::people_are_found_by_any_part_of_name_number_or_address,
            contacts::pages_are_whole_while_contacts_come_in,
            contacts::every_filter_narrows,
            contacts::rules_admit_in_sql_whom_they_admit_in_memory,
            contacts::counts_stay_exact_over_any_history,
            contacts::merged_contacts_keep_their_lists,
            contacts::long_texts_in_metadata_are_kept_and_found,
            contacts::contacts_of_another_tenant_are_out_of_reach,
            contacts::a_timeline_has_calls_consent_and_notes,
            contacts::calls_are_found_by_the_name_of_today,
            erasure::whoever_is_erased_is_told_of_nowhere,
            erasure::nobody_is_erased_while_something_goes_on,
            erasure::others_keep_what_they_know,
            erasure::whom_a_contact_took_in_is_erased_with_it,
            imports::a_file_is_read_part_by_part_over_restarts,
            imports::a_part_is_written_once,
            imports::files_that_never_came_are_thrown_away,
            channels::a_channel_keeps_what_was_said_about_it,
            channels::a_disconnected_channel_is_found_by_nobody_and_comes_back_as_it_was,
            claims::a_claim_is_taken_once_and_its_answer_is_kept_for_a_day,
            claims::of_fifty_who_claim_at_once_one_gets_it,
            claims::a_holder_that_is_gone_is_followed_by_one,
            claims::a_claim_that_is_given_up_can_be_taken_again,
            claims::claims_of_two_tenants_and_their_answers_stay_apart,
            hooks::a_hook_comes_back_as_it_was_written,
            hooks::a_hooks_secrets_open_as_they_were_sealed,
            hooks::deliveries_of_a_thread_are_due_one_after_another,
            hooks::a_place_moves_only_from_where_it_is,
            hooks::deliveries_are_listed_newest_first_until_they_are_pruned,
            hooks::a_knock_is_passed_on_once_and_only_to_those_who_want_it,
            hooks::the_log_is_read_by_id_by_time_by_call_and_from_either_end,
            inbox::an_unreadable_knock_stops_no_other,
            inbox::old_knocks_are_forgotten_once_they_are_dealt_with,
            inbox::a_redelivered_knock_is_kept_once,
            inbox::knocks_wait_in_order_until_they_are_dealt_with,
            inbox::a_knock_with_any_text_is_kept,
            inbox::of_redeliveries_at_the_same_time_one_is_new,
            isolation::two_tenants_never_see_each_others_rows,
            isolation::nothing_is_written_across_tenants,
            listing::lists_and_figures_are_those_of_a_store_that_looks_at_every_call,
            listing::whoever_is_erased_is_not_found,
            listing::what_was_there_before_the_search_is_found,
            log::concurrent_commits_of_twenty_calls_leave_no_gap_and_keep_their_order,
            log::a_reader_who_follows_the_log_misses_nothing,
            log::events_without_a_call_take_their_places_too,
            log::a_refused_commit_takes_no_place,
            numbers::a_number_is_found_by_every_id,
            numbers::who_carries_a_numbers_sound_is_its_tenants_to_say,
            numbers::a_voice_bot_of_a_number_is_its_tenants_to_say_and_sealed,
            numbers::a_meta_number_is_connected_once,
            numbers::an_access_token_opens_only_in_its_own_row,
            opening::what_was_acknowledged_is_there_after_reopening,
            opening::several_that_start_at_once_agree,
            opening::a_wrong_master_key_is_refused_in_words,
            opening::a_newer_database_is_refused_in_words,
            opening::a_closed_store_says_so,
            opening::an_open_store_is_ready,
            opening::a_caller_who_goes_away_leaves_the_store_working,
            pages::pages_and_totals_are_those_of_all_calls_looked_at,
            pages::totals_follow_calls_that_go,
            people::people_sign_in_however_they_type_their_address,
            people::an_address_is_taken_once_for_all_tenants,
            people::presence_is_remembered,
            permissions::a_permission_comes_back_as_it_was_written_with_its_event,
            permissions::of_two_writers_of_a_permission_one_wins,
            permissions::permissions_are_due_when_they_end_by_themselves,
            permissions::permissions_are_listed_newest_first_in_pages_of_their_tenant,
            permissions::the_last_word_about_a_numbers_calling_stands,
            recordings::a_recording_comes_back_as_it_was_written,
            recordings::what_is_deleted_stays_deleted_and_keeps_no_key,
            recordings::recordings_are_due_when_their_retention_ends,
            recordings::recordings_are_listed_newest_first_in_pages_of_their_tenant,
            secrets::a_key_works_until_it_expires_or_is_revoked,
            secrets::a_key_with_a_wrong_secret_is_refused,
            secrets::a_key_may_select_one_number,
            secrets::a_session_lasts_until_it_is_closed_or_expires,
            secrets::a_ticket_lets_in_once_and_in_time,
            secrets::of_two_who_show_a_ticket_one_gets_in,
            secrets::expired_sessions_and_tickets_are_swept,
        }
    };
}

pub(crate) use every_case;
