//! Walks the tokens of a document and fills an [`JsonEnvelope`] with what is known in it.
//!
//! serde_json reads the tokens; it lends texts without escapes from the document, whose positions are noted, and passes
//! the others unescaped, which are copied. No list or text of its own is built.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{EventSpans, JsonEnvelope, NO_TIME, Span, UNESCAPED};

/// Fills an empty `envelope` from a whole document, after which only whitespace may follow.
pub(super) fn fill(envelope: &mut JsonEnvelope, json: &[u8]) -> serde_json::Result<()> {
    envelope.base = json.as_ptr().addr();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.deserialize_any(Whole(envelope))?;
    deserializer.end()
}

/// A whole document: an object, or a JSON string of a list.
struct Whole<'e>(&'e mut JsonEnvelope);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<(), E> {
        self.0.message = Some(self.0.borrowed(text.as_bytes())?);
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.0.message = Some(self.0.copied(text.as_bytes())?);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let envelope = self.0;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Message => envelope.message = Some(map.next_value_seed(Text(envelope))?),
                Key::Timestamp => {
                    envelope.timestamp = map.next_value_seed(Value(envelope, key))?.number()
                }
                Key::MessageType => {
                    envelope.message_type = map.next_value_seed(Value(envelope, key))?.text()
                }
                Key::Owner => envelope.owner = map.next_value_seed(Value(envelope, key))?.text(),
                Key::LogGroup => {
                    envelope.log_group = map.next_value_seed(Value(envelope, key))?.text()
                }
                Key::LogStream => {
                    envelope.log_stream = map.next_value_seed(Value(envelope, key))?.text()
                }
                Key::AwsLogs => {
                    envelope.awslogs_data = map.next_value_seed(Value(envelope, key))?.text()
                }
                Key::LogEvents => {
                    envelope.has_log_events = map.next_value_seed(Value(envelope, key))?.list()
                }
                Key::Events => {
                    envelope.has_events = map.next_value_seed(Value(envelope, key))?.list()
                }
                Key::Records => {
                    envelope.has_records = map.next_value_seed(Value(envelope, key))?.list()
                }
                Key::Id | Key::Data | Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// What a value turned out to be.
enum Found {
    Text(Span),
    Number(u64),
    List,
    Other,
}

impl Found {
    fn text(self) -> Option<Span> {
        match self {
            Self::Text(span) => Some(span),
            _ => None,
        }
    }

    fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    fn list(self) -> bool {
        matches!(self, Self::List)
    }
}

/// The value of a known key, of whatever type it is.
struct Value<'e>(&'e mut JsonEnvelope, Key);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Found;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Found;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Found, E> {
        self.0.borrowed(text.as_bytes()).map(Found::Text)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Found, E> {
        self.0.copied(text.as_bytes()).map(Found::Text)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Found, E> {
        Ok(Found::Number(number))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        let Self(envelope, key) = self;
        match key {
            Key::LogEvents | Key::Events => {
                // As with every other key, the last of two counts.
                envelope.events.clear();
                while list.next_element_seed(EventObject(envelope))?.is_some() {}
            }
            Key::Records => {
                envelope.records.clear();
                while list.next_element_seed(RecordObject(envelope))?.is_some() {}
            }
            _ => while list.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Found::List)
    }

    /// Of an object only `awslogs` is looked into, for its `data`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let Self(envelope, outer) = self;
        let mut found = Found::Other;
        while let Some(key) = map.next_key::<Key>()? {
            if outer == Key::AwsLogs && key == Key::Data {
                found = map.next_value_seed(Value(envelope, key))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// One of `logEvents` or `events`.
struct EventObject<'e>(&'e mut JsonEnvelope);

impl<'de> DeserializeSeed<'de> for EventObject<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventObject<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let envelope = self.0;
        let mut id = None;
        let mut timestamp = None;
        let mut message = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Id => id = map.next_value_seed(Value(envelope, key))?.text(),
                Key::Timestamp => timestamp = map.next_value_seed(Value(envelope, key))?.number(),
                Key::Message => message = Some(map.next_value_seed(Text(envelope))?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // An event of no octets would also let a small document grow into a large list.
        let message = message.ok_or_else(|| de::Error::missing_field("message"))?;
        envelope.events.push(EventSpans {
            id: id.unwrap_or_default(),
            timestamp: timestamp.unwrap_or(NO_TIME),
            message,
        });
        Ok(())
    }
}

/// One of `records`.
struct RecordObject<'e>(&'e mut JsonEnvelope);

impl<'de> DeserializeSeed<'de> for RecordObject<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordObject<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let envelope = self.0;
        let mut data = None;
        while let Some(key) = map.next_key::<Key>()? {
            if key == Key::Data {
                data = Some(map.next_value_seed(Text(envelope))?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let data = data.ok_or_else(|| de::Error::missing_field("data"))?;
        envelope.records.push(data);
        Ok(())
    }
}

/// A text that must be one. It is taken as octets, which spares the check for UTF-8: most of a payload is messages.
struct Text<'e>(&'e mut JsonEnvelope);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = Span;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = Span;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text")
    }

    fn visit_borrowed_bytes<E: de::Error>(self, text: &'de [u8]) -> Result<Span, E> {
        self.0.borrowed(text)
    }

    fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Span, E> {
        self.0.copied(text)
    }
}

/// The keys that mean something in one of the documents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    AwsLogs,
    Data,
    MessageType,
    Owner,
    LogGroup,
    LogStream,
    LogEvents,
    Events,
    Records,
    Id,
    Timestamp,
    Message,
    Other,
}

impl<'de> de::Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "message" => Key::Message,
                    "timestamp" => Key::Timestamp,
                    "id" | "eventId" => Key::Id,
                    "awslogs" => Key::AwsLogs,
                    "data" => Key::Data,
                    "messageType" => Key::MessageType,
                    "owner" => Key::Owner,
                    "logGroup" => Key::LogGroup,
                    "logStream" => Key::LogStream,
                    "logEvents" => Key::LogEvents,
                    "events" => Key::Events,
                    "records" => Key::Records,
                    _ => Key::Other,
                })
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

impl JsonEnvelope {
    fn borrowed<E: de::Error>(&self, text: &[u8]) -> Result<Span, E> {
        span(text.as_ptr().addr().wrapping_sub(self.base), text.len())
    }

    fn copied<E: de::Error>(&mut self, text: &[u8]) -> Result<Span, E> {
        let mut span = span(self.unescaped.len(), text.len())?;
        span.start |= UNESCAPED;
        self.unescaped.extend_from_slice(text);
        Ok(span)
    }
}

fn span<E: de::Error>(start: usize, length: usize) -> Result<Span, E> {
    match (u32::try_from(start), u32::try_from(length)) {
        (Ok(start), Ok(length)) if start < UNESCAPED => Ok(Span { start, length }),
        _ => Err(E::custom("a text outside of the document")),
    }
}
