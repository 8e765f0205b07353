//! What listeners are told when something goes wrong (contract, section 3). Control side and render thread.

use super::now_micros;
use serde_json::json;

/// What goes wrong, and how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Rendering has stopped, or a node fell silent.
    SynthesisFailed,
    /// Chunks were due before they were rendered.
    BufferUnderrun,
    /// This client reads too slowly and was moved to the live edge.
    BufferOverrun,
    /// A message that is malformed or out of range.
    InvalidControl,
    /// A change of the piece was lost; the last settings go on.
    GenerationError,
    /// No more clients can be held.
    ServerOverload,
}

impl Fault {
    /// The code of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::SynthesisFailed => "SYNTHESIS_FAILED",
            Self::BufferUnderrun => "BUFFER_UNDERRUN",
            Self::BufferOverrun => "BUFFER_OVERRUN",
            Self::InvalidControl => "INVALID_CONTROL",
            Self::GenerationError => "GENERATION_ERROR",
            Self::ServerOverload => "SERVER_OVERLOAD",
        }
    }

    fn severity(self) -> &'static str {
        match self {
            Self::BufferOverrun => "info",
            Self::SynthesisFailed | Self::BufferUnderrun => "warning",
            Self::InvalidControl | Self::GenerationError => "error",
            Self::ServerOverload => "critical",
        }
    }

    /// The `error` message.
    pub fn message(self, text: &str) -> String {
        json!({
            "type": "error",
            "code": self.code(),
            "message": text,
            "severity": self.severity(),
            "timestamp": crate::web::timestamp(now_micros()),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_the_code_and_severity_of_the_contract() {
        for (fault, code, severity) in [
            (Fault::SynthesisFailed, "SYNTHESIS_FAILED", "warning"),
            (Fault::BufferUnderrun, "BUFFER_UNDERRUN", "warning"),
            (Fault::BufferOverrun, "BUFFER_OVERRUN", "info"),
            (Fault::InvalidControl, "INVALID_CONTROL", "error"),
            (Fault::GenerationError, "GENERATION_ERROR", "error"),
            (Fault::ServerOverload, "SERVER_OVERLOAD", "critical"),
        ] {
            let message: serde_json::Value = serde_json::from_str(&fault.message("why")).unwrap();
            assert_eq!(
                (message["code"].as_str(), message["severity"].as_str()),
                (Some(code), Some(severity))
            );
            assert_eq!((message["type"].as_str(), message["message"].as_str()), (Some("error"), Some("why")));
        }
    }
}
