//! IPFIX message under construction (RFC 7011 §3.1).
//!
//! ```text
//! +--------------------------------+--------------------------------+
//! | Version Number (10)            | Length of the whole message    |
//! +--------------------------------+--------------------------------+
//! | Export Time, seconds since 1970                                 |
//! +-----------------------------------------------------------------+
//! | Sequence Number: data records sent before this message          |
//! +-----------------------------------------------------------------+
//! | Observation Domain ID                                           |
//! +-----------------------------------------------------------------+
//! ```
//!
//! Records are appended in turn; lengths are patched when the message is finished. The buffer is reused.

/// Octets of a message header.
pub(crate) const HEADER: usize = 16;
/// Octets of a set header.
pub(crate) const SET_HEADER: usize = 4;

/// Octets of the window before the record. A writer may overwrite the octets; the message restores the octets.
pub(crate) const LEAD_OCTETS: usize = 8;

/// Octets of the scratch window given to the writer of a flow: [`LEAD_OCTETS`] of earlier data, the record, and slack
/// after the record.
pub(crate) const WINDOW_OCTETS: usize = 264;

/// Message under construction.
#[derive(Debug)]
pub(crate) struct MessageBuffer {
    /// Message, followed by slack.
    octets: Vec<u8>,
    /// Octets of the message.
    length: usize,
    /// Most octets of the message.
    limit: usize,
    /// Offset and ID of the open set.
    set: Option<(usize, u16)>,
    /// Data records so far.
    records: u32,
}

impl MessageBuffer {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            octets: Vec::new(),
            length: 0,
            limit,
            set: None,
            records: 0,
        }
    }

    /// Returns whether the message has no record.
    pub(crate) fn is_empty(&self) -> bool {
        self.length <= HEADER
    }

    /// Data records so far.
    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    /// Returns whether a record of this set still fits.
    pub(crate) fn has_room(&self, set_id: u16, octets: usize) -> bool {
        let header = if self.is_open(set_id) { 0 } else { SET_HEADER };
        self.length.max(HEADER) + header + octets <= self.limit
    }

    /// Appends a data record of `octets` octets and a tail, in a new set if the open set is of another ID. `write` writes
    /// the record at offset [`LEAD_OCTETS`] of the window.
    #[inline]
    pub(crate) fn flow(
        &mut self,
        set_id: u16,
        octets: usize,
        tail: &[u8],
        write: impl FnOnce(&mut [u8; WINDOW_OCTETS]),
    ) {
        self.begin_record(set_id);
        let begin = self.length - LEAD_OCTETS; // headers of the message and of a set, at the least
        self.append(octets);
        let window = self.octets[begin..]
            .first_chunk_mut::<WINDOW_OCTETS>()
            .expect("slack behind the message");
        let mut lead = [0; LEAD_OCTETS];
        lead.copy_from_slice(&window[..LEAD_OCTETS]);
        write(window);
        window[..LEAD_OCTETS].copy_from_slice(&lead);
        if !tail.is_empty() {
            self.append(tail.len())[..tail.len()].copy_from_slice(tail);
        }
    }

    /// Appends a data record, in a new set if the open set is of another ID.
    pub(crate) fn data_record(&mut self, set_id: u16, record: &[u8]) {
        self.begin_record(set_id);
        self.append(record.len())[..record.len()].copy_from_slice(record);
    }

    /// Begins a data record: opens a set of this ID unless open, and counts the record.
    #[inline]
    fn begin_record(&mut self, set_id: u16) {
        if !self.is_open(set_id) {
            self.open_set(set_id);
        }
        self.records = self.records.wrapping_add(1);
    }

    /// Appends a template record in a set alone: some collectors read only the first record of an options template set.
    pub(crate) fn template_record(&mut self, set_id: u16, record: &[u8]) {
        self.open_set(set_id);
        self.append(record.len())[..record.len()].copy_from_slice(record);
        self.close_set();
    }

    /// Completes lengths and header, all but the sequence number.
    pub(crate) fn finish(&mut self, export_time: u32, domain: u32) {
        self.close_set();
        let length = u16::try_from(self.length).expect("the limit is at most 65,535 octets");
        self.octets[0..2].copy_from_slice(&10_u16.to_be_bytes());
        self.octets[2..4].copy_from_slice(&length.to_be_bytes());
        self.octets[4..8].copy_from_slice(&export_time.to_be_bytes());
        self.octets[12..16].copy_from_slice(&domain.to_be_bytes());
    }

    /// Returns the finished message with this sequence number.
    pub(crate) fn with_sequence(&mut self, sequence: u32) -> &[u8] {
        self.octets[8..12].copy_from_slice(&sequence.to_be_bytes());
        &self.octets[..self.length]
    }

    /// Empties the message, keeping the buffer.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
        self.set = None;
        self.records = 0;
    }

    /// Frees the buffer of an empty message.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            self.octets = Vec::new();
        }
    }

    fn is_open(&self, set_id: u16) -> bool {
        self.set.is_some_and(|(_, open)| open == set_id)
    }

    fn open_set(&mut self, set_id: u16) {
        self.close_set();
        if self.length == 0 {
            self.append(HEADER);
        }
        self.set = Some((self.length, set_id));
        self.append(SET_HEADER)[..2].copy_from_slice(&set_id.to_be_bytes());
    }

    /// Lengthens the message, and returns the new octets, followed by [`WINDOW_OCTETS`] of slack.
    #[inline]
    fn append(&mut self, octets: usize) -> &mut [u8] {
        let start = self.length;
        self.length += octets;
        let end = self.length + WINDOW_OCTETS;
        if self.octets.len() < end {
            self.octets.resize(2 * end, 0);
        }
        &mut self.octets[start..end]
    }

    fn close_set(&mut self) {
        if let Some((start, _)) = self.set.take() {
            let length =
                u16::try_from(self.length - start).expect("a set is shorter than its message");
            self.octets[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7011 Appendix A.3: three data records of template 256, a set of 64 octets.
    #[test]
    fn the_data_set_of_rfc_7011_a_3_has_the_rfcs_octets() {
        let mut message = MessageBuffer::new(1_400);
        let mut flow = |source: u8, destination: u8, next_hop: u8, packets: u32, octets: u32| {
            let host = |last| [192, 0, 2, last];
            let addresses = [host(source), host(destination), host(next_hop)].concat();
            let counters = [packets.to_be_bytes(), octets.to_be_bytes()].concat();
            message.data_record(256, &[addresses, counters].concat());
        };
        flow(12, 254, 1, 5009, 5_344_385);
        flow(27, 23, 2, 748, 388_934);
        flow(56, 65, 3, 5, 6534);
        message.finish(0x5555_aaaa, 0x1234);
        let octets = message.with_sequence(77);
        assert_eq!(
            octets[..16],
            [
                0, 10, 0, 80, 0x55, 0x55, 0xaa, 0xaa, 0, 0, 0, 77, 0, 0, 0x12, 0x34
            ]
        );
        assert_eq!(octets[16..20], [1, 0, 0, 64]);
        assert_eq!(octets[32..40], [0, 0, 0x13, 0x91, 0, 0x51, 0x8c, 0x81]);
        assert_eq!(octets.len(), 80);
        assert_eq!(message.records(), 3);
    }

    #[test]
    fn a_record_that_would_exceed_the_limit_has_no_room() {
        let mut message = MessageBuffer::new(HEADER + SET_HEADER + 10);
        assert!(message.has_room(256, 10) && !message.has_room(256, 11));
        message.data_record(256, &[1; 6]);
        assert!(message.has_room(256, 4) && !message.has_room(256, 5));
        assert!(
            !message.has_room(257, 4),
            "another set needs a header of its own"
        );
    }

    #[test]
    fn records_of_one_template_share_a_set_and_template_records_do_not() {
        let mut message = MessageBuffer::new(1_400);
        message.data_record(300, &[1]);
        message.data_record(300, &[1]);
        message.data_record(301, &[1]);
        message.template_record(3, &[9; 6]);
        message.template_record(3, &[9; 6]);
        message.finish(0, 1);
        let octets = message.with_sequence(0);
        let mut sets = Vec::new();
        let mut at = HEADER;
        while at < octets.len() {
            let length = u16::from_be_bytes([octets[at + 2], octets[at + 3]]);
            sets.push((u16::from_be_bytes([octets[at], octets[at + 1]]), length));
            at += usize::from(length);
        }
        assert_eq!(sets, [(300, 6), (301, 5), (3, 10), (3, 10)]);
    }

    #[test]
    fn the_buffer_has_at_most_twice_the_octets_that_the_message_needs() {
        let mut message = MessageBuffer::new(usize::from(u16::MAX));
        while message.has_room(256, 100) {
            message.data_record(256, &[0; 100]);
            assert!(message.octets.len() <= 2 * (message.length + WINDOW_OCTETS));
        }
    }

    #[test]
    fn only_an_empty_message_releases_the_buffer() {
        let mut message = MessageBuffer::new(1_400);
        message.data_record(256, &[1; 6]);
        message.release();
        message.finish(0, 1);
        assert!(message.with_sequence(0).ends_with(&[1; 6]));
        message.clear();
        message.release();
        assert_eq!(message.octets.capacity(), 0);
    }
}
