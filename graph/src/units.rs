//! Values with units inside a node's structural configuration: written as in a preset, printed the same way.
//! Control side only.

use crate::quantity::{Measure, Quantity};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// A time, written as `100 ms`, `2 s` or a bare number of seconds. Never negative, always finite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

/// A number, or a text with a unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wants = "a time, such as `100 ms` or `2 s`";
        let written =
            Written::deserialize(deserializer).map_err(|_| D::Error::custom(format!("it wants {wants}")))?;
        let seconds = match written {
            Written::Number(seconds) => seconds,
            Written::Text(text) => {
                let quantity = Quantity::parse(&text).map_err(D::Error::custom)?;
                match quantity.measure {
                    Measure::Seconds | Measure::Bare => quantity.value,
                    _ => return Err(D::Error::custom(format!("wrong unit; it wants {wants}"))),
                }
            }
        };
        if (0.0..1e9).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(D::Error::custom("a time must be between 0 and 1,000,000,000 seconds"))
        }
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0 * 1000.0;
        if self.0 < 1.0 && (millis - millis.round()).abs() < 1e-9 {
            serializer.serialize_str(&format!("{} ms", millis.round()))
        } else {
            serializer.serialize_str(&format!("{} s", self.0))
        }
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9.]+ *(ms|s|sec|min|m|h)$" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_with_and_without_unit_and_print_as_they_are_read() {
        for (written, seconds, printed) in
            [(json!("100 ms"), 0.1, "100 ms"), (json!(2), 2.0, "2 s"), (json!("1.5 s"), 1.5, "1.5 s")]
        {
            let time: Seconds = serde_json::from_value(written).unwrap();
            assert_eq!(time.0, seconds);
            let again = serde_json::to_value(time).unwrap();
            assert_eq!(again, json!(printed));
            assert_eq!(serde_json::from_value::<Seconds>(again).unwrap(), time);
        }
        for wrong in [json!("3 dB"), json!(-1), json!("x"), json!([1]), json!("1e300 s")] {
            assert!(serde_json::from_value::<Seconds>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
