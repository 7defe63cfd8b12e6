//! Buffers that an unpacker keeps between calls, grouped by stage.
//!
//! The stages are nested: a compressed stream holds JSON documents, a document holds an event, an event holds packed
//! payloads. Each group is lent to a stage as a `&mut`, while the stages inside use the remaining groups.

use crate::base64::Base64Decoder;
use crate::inflate::Inflater;
use crate::json::JsonParser;
use crate::memory::release;

/// Most layers of compression around a stream: Firehose compresses objects, and records within may be compressed.
pub(crate) const LAYERS: usize = 2;

/// All buffers.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) layers: [LayerBuffers; LAYERS],
    pub(crate) content: ContentBuffers,
    pub(crate) payload: PayloadBuffers,
}

/// Buffers of a layer of compression.
#[derive(Debug, Default)]
pub(crate) struct LayerBuffers {
    /// Compressed octets of an object that is small enough to be inflated at once.
    pub(crate) packed: Vec<u8>,
    pub(crate) inflater: Inflater,
}

/// Buffers of plain content: text and JSON documents.
#[derive(Debug, Default)]
pub(crate) struct ContentBuffers {
    /// Beginning of a line whose end has not been read yet.
    pub(crate) line: Vec<u8>,
    /// JSON document of a stream.
    pub(crate) document: Vec<u8>,
    pub(crate) parser: JsonParser,
}

/// Buffers of a payload, from base64 to log events.
#[derive(Debug, Default)]
pub(crate) struct PayloadBuffers {
    pub(crate) base64: Base64Decoder,
    pub(crate) inflater: Inflater,
    pub(crate) parser: JsonParser,
}

impl Buffers {
    /// Gives back memory that only an unusually large input needed.
    pub(crate) fn release(&mut self) {
        for layer in &mut self.layers {
            release(&mut layer.packed);
            layer.inflater.release();
        }
        release(&mut self.content.document);
        self.content.parser.release();
        self.payload.base64.release();
        self.payload.inflater.release();
        self.payload.parser.release();
    }
}
