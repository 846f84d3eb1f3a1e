//! One definition per section: the struct, its defaults and the words of the reference page.

/// A key as the reference page shows it.
#[derive(Debug, Clone, Copy)]
pub struct KeyInfo {
    /// Without the section.
    pub name: &'static str,
    /// As written in a file; none when the key is unset at first.
    pub default: Option<&'static str>,
    /// What it means, line by line.
    pub words: &'static [&'static str],
}

/// A section as the reference page shows it.
#[derive(Debug, Clone, Copy)]
pub struct SectionInfo {
    /// The table's name in the file.
    pub name: &'static str,
    /// What it is about, line by line.
    pub words: &'static [&'static str],
    /// Its keys in reading order.
    pub keys: &'static [KeyInfo],
}

/// Declares a section. The doc comments are the reference page, the defaults are the defaults.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $name:ident as $table:literal {
            $(
                $(#[doc = $words:literal])*
                $(#[serde($($serde:tt)*)])*
                $key:ident: $kind:ty = $default:expr;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, serde::Deserialize, serde::Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $words])*
                $(#[serde($($serde)*)])*
                pub $key: $kind,
            )*
        }

        impl $name {
            /// The section as the reference page shows it.
            pub const INFO: $crate::config::section::SectionInfo = $crate::config::section::SectionInfo {
                name: $table,
                words: &[$($about),*],
                keys: &[$($crate::config::section::KeyInfo {
                    name: stringify!($key),
                    default: $default,
                    words: &[$($words),*],
                }),*],
            };
        }
    };
}

pub(crate) use section;
