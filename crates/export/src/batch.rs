//! Batch of messages for a single system call.

/// Messages of equal length, the last perhaps shorter: the kernel can cut the batch into datagrams.
#[derive(Debug, Default)]
pub(crate) struct MessageBatch {
    octets: Vec<u8>,
    /// Octets of each message.
    each: usize,
    messages: u32,
    /// Most messages.
    most: u32,
    /// Most octets.
    room: usize,
}

impl MessageBatch {
    /// Empty batch with a limit of messages and octets.
    pub(crate) fn new(most: u32, room: usize) -> Self {
        Self {
            octets: Vec::new(),
            each: 0,
            messages: 0,
            most,
            room,
        }
    }

    /// Number of messages.
    pub(crate) fn messages(&self) -> u32 {
        self.messages
    }

    /// Returns true if the message fits behind the messages of the batch.
    pub(crate) fn takes(&self, message: &[u8]) -> bool {
        let are_equal = self.octets.len() == self.each * self.messages as usize;
        self.messages == 0
            || are_equal
                && message.len() <= self.each
                && self.messages < self.most
                && self.octets.len() + message.len() <= self.room
    }

    /// Adds a message of the length that the batch [takes](Self::takes).
    pub(crate) fn add(&mut self, message: &[u8]) {
        if self.messages == 0 {
            self.each = message.len();
        }
        self.octets.extend_from_slice(message);
        self.messages += 1;
    }

    /// Returns true if the batch has the most messages of a batch. A batch that is not full may still refuse a message.
    pub(crate) fn is_full(&self) -> bool {
        self.messages >= self.most
    }

    /// Octets of each message; the last message may have fewer.
    pub(crate) fn each(&self) -> usize {
        self.each
    }

    /// Octets of all messages back to back.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Messages, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.octets.chunks(self.each.max(1))
    }

    /// Empties the batch.
    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.messages = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands over messages of these lengths; how many left together each time.
    fn batches(most: u32, room: usize, lengths: &[usize]) -> Vec<Vec<usize>> {
        let mut waiting = MessageBatch::new(most, room);
        let mut batches = Vec::new();
        let mut leave = |waiting: &mut MessageBatch| {
            batches.push(waiting.iter().map(<[u8]>::len).collect());
            waiting.clear();
        };
        for &length in lengths {
            let message = vec![7; length];
            if !waiting.takes(&message) {
                leave(&mut waiting);
            }
            assert!(waiting.takes(&message));
            waiting.add(&message);
            if waiting.is_full() {
                leave(&mut waiting);
            }
        }
        leave(&mut waiting);
        batches
    }

    #[test]
    fn messages_of_one_length_and_a_shorter_one_behind_them_leave_together() {
        let lengths = [5, 5, 5, 3, 3, 3, 4, 1, 1];
        assert_eq!(
            batches(16, 100, &lengths),
            [vec![5, 5, 5, 3], vec![3, 3], vec![4, 1], vec![1]]
        );
    }

    #[test]
    fn neither_more_messages_nor_more_octets_than_there_is_room_for() {
        assert_eq!(batches(2, 100, &[5; 5]), [vec![5; 2], vec![5; 2], vec![5]]);
        assert_eq!(batches(9, 14, &[5; 5]), [vec![5; 2], vec![5; 2], vec![5]]);
        assert_eq!(batches(9, 14, &[50, 5]), [vec![50], vec![5]]);
        assert_eq!(batches(1, 14, &[5, 5]), [vec![5], vec![5], vec![]]);
    }
}
