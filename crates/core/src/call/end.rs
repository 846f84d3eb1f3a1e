//! Why calls end, by name.

use serde::{Deserialize, Serialize};

macro_rules! end_reasons {
    ($($(#[$doc:meta])* $name:ident => $word:literal),* $(,)?) => {
        /// Why a call ended. The words are stable: they are stored, sent and filtered by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum EndReason { $($(#[$doc])* $name),* }

        impl EndReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

end_reasons! {
    /// We hung up a conversation.
    LocalHangup => "local_hangup",
    /// The user hung up a conversation.
    RemoteHangup => "remote_hangup",
    /// The user declined our call.
    Declined => "declined",
    /// Every agent who rang declined, or a client rejected.
    AgentRejected => "agent_rejected",
    /// Nobody picked up in time.
    NoAnswer => "no_answer",
    /// The user gave up before anybody picked up.
    CallerAbandoned => "caller_abandoned",
    /// We gave up before the user picked up.
    Cancelled => "cancelled",
    /// The call was old when its first webhook came; nobody was rung.
    Late => "late",
    /// The user has not permitted calls (138006).
    NoPermission => "no_permission",
    /// The user cannot be called (138001).
    Unreachable => "unreachable",
    /// The number's country may not call out (138013).
    CountryBlocked => "country_blocked",
    /// Calling is not enabled on the number (138000).
    NotEnabled => "not_enabled",
    /// A limit of Meta's is reached (138002, 138005, 138012, throttling).
    LimitReached => "limit_reached",
    /// There is a call with this user already (138003).
    Busy => "busy",
    /// Meta refused the SDP (100, 138008).
    InvalidSdp => "invalid_sdp",
    /// Meta refused our access token (190).
    TokenInvalid => "token_invalid",
    /// No media arrived for too long (138021 to 138023).
    MediaTimeout => "media_timeout",
    /// Another refusal or failure of Meta's.
    ProviderError => "provider_error",
    /// Meta never confirmed that the call was placed; it was not dialled again.
    Unconfirmed => "unconfirmed",
    /// Closed at the cap: no news of it for a day.
    Stale => "stale",
    /// Bridged: the agent's sound went away and did not come back.
    AgentLost => "agent_lost",
    /// Bridged: nobody of the house took the conversation.
    NoAgent => "no_agent",
    /// Bridged: the voice bot went away or could not be reached, and nobody took the conversation.
    BotLost => "bot_lost",
    /// Bridged: no path to WhatsApp's media was found, or it was lost.
    IceFailed => "ice_failed",
    /// Bridged: WhatsApp's media and ours could not agree on keys.
    DtlsFailed => "dtls_failed",
    /// Bridged: WhatsApp's media fell silent.
    NoMediaFromWhatsapp => "no_media_from_whatsapp",
    /// Bridged: the server that carried the sound died or was restarted.
    ServerRestarted => "server_restarted",
    /// A fault of ours.
    InternalError => "internal_error",
}

impl EndReason {
    /// Whether this reason of ours also names the end of a conversation, where others only say that we hung up.
    #[must_use]
    pub const fn ends_conversations(self) -> bool {
        matches!(
            self,
            Self::Stale
                | Self::InternalError
                | Self::AgentLost
                | Self::NoAgent
                | Self::BotLost
                | Self::IceFailed
                | Self::DtlsFailed
                | Self::NoMediaFromWhatsapp
                | Self::ServerRestarted
        )
    }

    /// Reads a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
    }

    /// The reason behind a Graph error code (whatsapp-calling.md 7.2).
    #[must_use]
    pub const fn from_meta_code(code: i64) -> Self {
        match code {
            138_006 => Self::NoPermission,
            138_001 => Self::Unreachable,
            138_013 | 130_497 => Self::CountryBlocked,
            138_000 | 131_055 => Self::NotEnabled,
            4 | 613 | 80_007 | 130_429 | 138_002 | 138_005 | 138_012 | 138_014 => Self::LimitReached,
            138_003 => Self::Busy,
            100 | 138_008 => Self::InvalidSdp,
            190 => Self::TokenInvalid,
            138_021..=138_023 => Self::MediaTimeout,
            _ => Self::ProviderError,
        }
    }
}
