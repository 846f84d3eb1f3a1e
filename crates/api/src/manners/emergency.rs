//! Numbers that must never be dialled through WhatsApp: nobody would come.

/// Emergency numbers as people type them, by far the most of the world's.
const NUMBERS: [&str; 38] = [
    "000", "060", "066", "080", "100", "101", "102", "103", "104", "105", "106", "108", "110", "111", "112",
    "113", "114", "115", "116", "117", "118", "119", "120", "122", "123", "133", "144", "155", "158", "190",
    "191", "192", "193", "911", "933", "988", "995", "999",
];

/// The best known ones, which are not dialled behind a trunk or country prefix either (provider-apis.md 2.18).
const FAMOUS: [&str; 4] = ["000", "112", "911", "999"];

/// Prefixes people type before a number: of trunks, of international calls, and of North America.
const PREFIXES: [&str; 4] = ["0", "00", "011", "1"];

/// Whether `typed` is an emergency number, however it is spaced, with or without a leading `+`.
pub(crate) fn is_emergency(typed: &str) -> bool {
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let famous = |prefix: &&str| digits.strip_prefix(*prefix).is_some_and(|rest| FAMOUS.contains(&rest));
    NUMBERS.contains(&digits.as_str()) || PREFIXES.iter().any(famous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_emergency_numbers_as_typed() {
        for typed in [
            "112", "911", "9 1 1", "+112", "999", "000", "110", "119", "1-1-2", "0112", "+1 911", "00 112",
            "011911",
        ] {
            assert!(is_emergency(typed), "{typed}");
        }
        for typed in ["+447700900112", "9110", "", "1", "+1 555 0100 911", "+19115550123", "2112"] {
            assert!(!is_emergency(typed), "{typed}");
        }
    }
}
