//! Slow twin of `scan.rs`: reads any JSON with serde_json, and yields the errors.
//!
//! A single visitor serves every level of a document: [`NodeKind`] is the kind of the value at hand. serde_json lends texts
//! without escapes from the document, and their positions are noted; other texts come unescaped and are copied.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{self, DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::spans::{DocumentSpans, EventSpans, NO_TIME, Span, SystemFields};

/// Fills empty `spans` from a whole document, only whitespace may follow.
pub(super) fn read_spans(spans: &mut DocumentSpans, json: &[u8]) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let document = Node {
        spans,
        json,
        kind: NodeKind::Document,
    };
    match deserializer.deserialize_any(document)? {
        NodeValue::Object => {}
        // A string in a list of messages.
        NodeValue::Text(message) => spans.message = Some(message),
        _ => return Err(serde_json::Error::custom("neither an object nor a text")),
    }
    deserializer.end()
}

/// Position of a value in a document, as far as the position decides how the value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeKind {
    Document,
    /// List of log events.
    Events,
    /// Element of that list.
    Event,
    ExtractedFields,
    /// Required text, read as octets without a check for UTF-8: most of a payload is messages.
    Message,
    /// Another value, of any type.
    Value,
}

/// Type of a value, with the useful part of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeValue {
    Text(Span),
    Number(u64),
    List,
    Object,
    SystemFields(SystemFields),
    Other,
}

impl NodeValue {
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
}

/// Visitor of a value.
struct Node<'e, 'j> {
    spans: &'e mut DocumentSpans,
    json: &'j [u8],
    kind: NodeKind,
}

impl<'j> Node<'_, 'j> {
    /// Visitor of a value inside of this value.
    fn inner(&mut self, kind: NodeKind) -> Node<'_, 'j> {
        Node {
            spans: self.spans,
            json: self.json,
            kind,
        }
    }

    /// Span of a text that serde_json lends from the document.
    fn borrowed<E: de::Error>(&self, text: &[u8]) -> Result<NodeValue, E> {
        let start = text.as_ptr().addr().checked_sub(self.json.as_ptr().addr());
        let span = start.and_then(|start| Span::new(start, text.len()));
        span.map(NodeValue::Text)
            .ok_or_else(|| E::custom("a text outside of the document"))
    }

    fn copied<E: de::Error>(self, text: &[u8]) -> Result<NodeValue, E> {
        let span = self.spans.keep_unescaped(text).map(NodeValue::Text);
        span.ok_or_else(|| E::custom("too many texts with escapes"))
    }

    /// Reads a value of any type.
    fn value<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<NodeValue, A::Error> {
        map.next_value_seed(self.inner(NodeKind::Value))
    }

    fn document<'de, A: MapAccess<'de>>(mut self, mut map: A) -> Result<NodeValue, A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Message if self.spans.message.is_some() => {
                    return Err(de::Error::duplicate_field("message"));
                }
                Key::Message => {
                    let value = map.next_value_seed(self.inner(NodeKind::Message))?;
                    self.spans.message = Some(message_text(value)?);
                }
                Key::Timestamp => self.spans.timestamp = self.value(&mut map)?.number(),
                Key::MessageType => self.spans.message_type = self.value(&mut map)?.text(),
                Key::Owner => self.spans.owner = self.value(&mut map)?.text(),
                Key::LogGroup => self.spans.log_group = self.value(&mut map)?.text(),
                Key::LogStream => self.spans.log_stream = self.value(&mut map)?.text(),
                Key::LogEvents => {
                    let value = map.next_value_seed(self.inner(NodeKind::Events))?;
                    self.spans.has_log_events |= value == NodeValue::List;
                }
                Key::Events => {
                    let value = map.next_value_seed(self.inner(NodeKind::Events))?;
                    self.spans.has_events |= value == NodeValue::List;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(NodeValue::Object)
    }

    fn event<'de, A: MapAccess<'de>>(mut self, mut map: A) -> Result<NodeValue, A::Error> {
        let mut id = None;
        let mut timestamp = None;
        let mut message = None;
        let mut fields = SystemFields::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Id => id = self.value(&mut map)?.text(),
                Key::Timestamp => timestamp = self.value(&mut map)?.number(),
                Key::Message if message.is_some() => {
                    return Err(de::Error::duplicate_field("message"));
                }
                Key::Message => {
                    let value = map.next_value_seed(self.inner(NodeKind::Message))?;
                    message = Some(message_text(value)?);
                }
                Key::ExtractedFields => {
                    let value = map.next_value_seed(self.inner(NodeKind::ExtractedFields))?;
                    fields = match value {
                        NodeValue::SystemFields(fields) => fields,
                        _ => SystemFields::default(),
                    };
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // Were `{}` an event, three octets of a document would become an entry of 24.
        let message = message.ok_or_else(|| de::Error::missing_field("message"))?;
        self.spans.begin_origin_group(fields, self.json);
        self.spans.events.push(EventSpans {
            id: id.unwrap_or_default(),
            timestamp: timestamp.unwrap_or(NO_TIME),
            message,
        });
        Ok(NodeValue::Object)
    }

    fn extracted_fields<'de, A: MapAccess<'de>>(
        mut self,
        mut map: A,
    ) -> Result<NodeValue, A::Error> {
        let mut fields = SystemFields::default();
        while let Some(key) = map.next_key::<Key>()? {
            let field = match key {
                Key::Account => &mut fields.account,
                Key::Region => &mut fields.region,
                Key::SourceLog => &mut fields.log_group,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = self.value(&mut map)?.text().unwrap_or_default();
        }
        Ok(NodeValue::SystemFields(fields))
    }
}

fn message_text<E: de::Error>(value: NodeValue) -> Result<Span, E> {
    value.text().ok_or_else(|| E::missing_field("message"))
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = NodeValue;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<NodeValue, D::Error> {
        match self.kind {
            NodeKind::Event => deserializer.deserialize_map(self),
            NodeKind::Message => deserializer.deserialize_bytes(self),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = NodeValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            NodeKind::Event => "an event",
            NodeKind::Message => "text",
            _ => "a value",
        })
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<NodeValue, E> {
        self.borrowed(text.as_bytes())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<NodeValue, E> {
        self.copied(text.as_bytes())
    }

    fn visit_borrowed_bytes<E: de::Error>(self, text: &'de [u8]) -> Result<NodeValue, E> {
        self.borrowed(text)
    }

    fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<NodeValue, E> {
        self.copied(text)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<NodeValue, E> {
        Ok(NodeValue::Number(number))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<NodeValue, E> {
        Ok(NodeValue::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<NodeValue, E> {
        Ok(NodeValue::Other)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<NodeValue, E> {
        Ok(NodeValue::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<NodeValue, A::Error> {
        if self.kind != NodeKind::Events {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(NodeValue::List);
        }
        // The events of a list that comes twice are all handed on: each record has to be counted.
        while list
            .next_element_seed(self.inner(NodeKind::Event))?
            .is_some()
        {}
        Ok(NodeValue::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeValue, A::Error> {
        match self.kind {
            NodeKind::Document => self.document(map),
            NodeKind::Event => self.event(map),
            NodeKind::ExtractedFields => self.extracted_fields(map),
            NodeKind::Events | NodeKind::Message | NodeKind::Value => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(NodeValue::Object)
            }
        }
    }
}

/// Keys with a meaning at some level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    MessageType,
    Owner,
    LogGroup,
    LogStream,
    LogEvents,
    Events,
    Id,
    Timestamp,
    Message,
    ExtractedFields,
    Account,
    Region,
    SourceLog,
    Other,
}

impl<'de> de::Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyName;

        impl Visitor<'_> for KeyName {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "message" => Key::Message,
                    "timestamp" => Key::Timestamp,
                    "id" | "eventId" => Key::Id,
                    "messageType" => Key::MessageType,
                    "owner" => Key::Owner,
                    "logGroup" => Key::LogGroup,
                    "logStream" => Key::LogStream,
                    "logEvents" => Key::LogEvents,
                    "events" => Key::Events,
                    "extractedFields" => Key::ExtractedFields,
                    "@aws.account" => Key::Account,
                    "@aws.region" => Key::Region,
                    "@source.log" => Key::SourceLog,
                    _ => Key::Other,
                })
            }
        }

        deserializer.deserialize_identifier(KeyName)
    }
}
