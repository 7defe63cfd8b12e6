//! Sending: the messages of all sessions, in the right order (`exporter.rs` explains the order).

use super::{Exporter, SentTotals};
use crate::ipfix::options::{OptionsRecord, OptionsTable, STATISTICS};
use crate::ipfix::session::MessageTemplates;
use crate::ipfix::sink::{MessageKind, MessageSink, SendOutcome};

/// Milliseconds between two statistics of a domain.
const STATISTICS_INTERVAL: u64 = 60_000;

/// exportingProcessId (144) and intermediateProcessId (406): always 1, because there is one process of each kind.
const PROCESS_ID: u32 = 1;

/// Most domains with buffers kept between batches; domains in later slots release buffers.
const KEPT_BUFFERS: usize = 64;

impl Exporter {
    /// Sends every message under construction. The templates of all domains leave first, so that a sender pauses once for
    /// all domains.
    pub(crate) fn flush<S: MessageSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let all = 0..self.domains.len();
        for slot in all.clone() {
            if self.has_pending(slot) {
                for session in 0..self.sessions.len() {
                    self.send_templates(slot, session, sink)?;
                }
            }
        }
        all.clone()
            .try_for_each(|slot| self.send_pending(slot, true, sink))?;
        all.clone()
            .try_for_each(|slot| self.send_statistics(slot, sink))?;
        for domain in self.domains.iter_mut().skip(KEPT_BUFFERS) {
            domain.options.release();
            domain.flows.release();
        }
        Ok(())
    }

    fn has_pending(&self, slot: usize) -> bool {
        let domain = &self.domains[slot];
        !domain.options.is_empty() || !domain.flows.is_empty()
    }

    /// Sends everything under construction in a domain, and the statistics if due.
    pub(crate) fn finish_domain<S: MessageSink>(
        &mut self,
        slot: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.send_pending(slot, true, sink)?;
        self.send_statistics(slot, sink)
    }

    /// Sends a domain's templates missing in a session, the options data and, if asked, the flows.
    #[inline(never)]
    pub(super) fn send_pending<S: MessageSink>(
        &mut self,
        slot: usize,
        with_flows: bool,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let export_time = self.export_time();
        let domain = &mut self.domains[slot];
        let send_options = !domain.options.is_empty();
        let send_flows = with_flows && !domain.flows.is_empty();
        if !send_options && !send_flows {
            return Ok(());
        }
        if send_options {
            domain.options.finish(export_time, domain.id);
        }
        if send_flows {
            domain.flows.finish(export_time, domain.id);
        }
        let mut all_sent = true;
        for session in 0..self.sessions.len() {
            self.send_templates(slot, session, sink)?;
            if send_options {
                self.send_data(slot, session, MessageKind::Options, sink)?;
            }
            if send_flows {
                let outcome = self.send_data(slot, session, MessageKind::Flows, sink)?;
                all_sent &= outcome != SendOutcome::NotSent;
            }
        }
        let domain = &mut self.domains[slot];
        domain.options.clear();
        domain.has_sent = true;
        if send_flows {
            domain.flows.clear();
            let pending = std::mem::take(&mut domain.pending);
            if !all_sent {
                domain.unsent.in_batch.add(pending);
            }
        }
        Ok(())
    }

    /// Sends a domain's templates missing in a session, in as many messages as needed, and last the templates of the
    /// statistics.
    fn send_templates<S: MessageSink>(
        &mut self,
        slot: usize,
        session: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.sessions[session].repeat_if_due(slot, self.now, self.refresh);
        while let Some(templates) = self.fill_missing(slot, session) {
            let export_time = self.export_time();
            let state = self.sessions[session].domain(slot);
            let kind = match state.has_new_template(templates) {
                true => MessageKind::NewTemplates,
                false => MessageKind::TemplatesAgain,
            };
            let records = self.templates.records();
            self.templates.finish(export_time, self.domains[slot].id);
            let message = self.templates.with_sequence(state.sequence);
            let outcome = sink.send(session, kind, message)?;
            self.sent.count(outcome, message);
            if outcome != SendOutcome::Sent {
                return Ok(()); // due again before the next message
            }
            self.sent.options_records += u64::from(records);
            state.sent_templates(templates, records, self.now);
        }
        Ok(())
    }

    /// Fills a message with templates missing in a session: the domain's, else the statistics'. `None` if none is missing.
    fn fill_missing(&mut self, slot: usize, session: usize) -> Option<MessageTemplates> {
        let state = self.sessions[session].domain(slot);
        if state.templates < self.domains[slot].templates.len() {
            let until = self.fill_templates(slot, session);
            return Some(MessageTemplates::Domain { until });
        }
        if state.statistics {
            return None;
        }
        self.fill_statistics();
        Some(MessageTemplates::Statistics)
    }

    /// Fills a message with a domain's templates missing in a session. Returns the number of templates in the session after
    /// the message.
    fn fill_templates(&mut self, slot: usize, session: usize) -> usize {
        let mut next = self.sessions[session].domain(slot).templates;
        self.templates.clear();
        for template in &self.domains[slot].templates[next..] {
            let octets = template.record.len();
            if !self.templates.is_empty() && !self.templates.has_room(template.set_id, octets) {
                break;
            }
            self.templates
                .template_record(template.set_id, &template.record);
            // Only the first template of a domain has data, and there is room for both in an empty message.
            if let Some(data) = &template.data {
                let id = OptionsTable::Sampling.template_id();
                self.templates.data_record(id, data);
            }
            next += 1;
        }
        next
    }

    /// Fills a message with the templates of the statistics.
    fn fill_statistics(&mut self) {
        self.templates.clear();
        for table in STATISTICS {
            let template = table.template();
            self.templates
                .template_record(template.set_id(), &template.record());
        }
    }

    /// Sends the finished options data or flows of a domain to a session.
    fn send_data<S: MessageSink>(
        &mut self,
        slot: usize,
        session: usize,
        kind: MessageKind,
        sink: &mut S,
    ) -> Result<SendOutcome, S::Error> {
        let domain = &mut self.domains[slot];
        let data = match kind {
            MessageKind::Flows => &mut domain.flows,
            _ => &mut domain.options,
        };
        let state = self.sessions[session].domain(slot);
        let records = data.records();
        let message = data.with_sequence(state.sequence);
        let outcome = sink.send(session, kind, message)?;
        self.sent.count(outcome, message);
        if outcome == SendOutcome::Sent {
            state.sent_records(records);
        }
        Ok(outcome)
    }

    /// Sends the statistics of a domain if due: the last ones are at least a minute old, and records were sent since.
    fn send_statistics<S: MessageSink>(
        &mut self,
        slot: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let now = self.now;
        let domain = &mut self.domains[slot];
        let is_recent = |at: u64| now < at + STATISTICS_INTERVAL;
        if !domain.has_sent || domain.statistics_at.is_some_and(is_recent) {
            return Ok(());
        }
        let (id, not_sent, ignored) = (domain.id, domain.unsent.lost, domain.ignored);
        let from = self.started.unwrap_or(now);
        let from_seconds = u32::try_from(from / 1_000).unwrap_or(u32::MAX);
        let write = |r: &mut OptionsRecord| {
            _ = r
                .u32(PROCESS_ID)
                .u64(not_sent.flows)
                .u64(not_sent.packets)
                .u64(not_sent.octets)
                .u32(from_seconds)
                .u64(now);
        };
        self.write_options(slot, OptionsTable::ExporterReliability, write, sink)?;
        let write = |r: &mut OptionsRecord| {
            _ = r
                .u32(id)
                .u32(PROCESS_ID)
                .u64(ignored)
                .u32(from_seconds)
                .u64(now);
        };
        self.write_options(slot, OptionsTable::IntermediateReliability, write, sink)?;
        self.send_pending(slot, true, sink)?;
        let domain = &mut self.domains[slot];
        domain.has_sent = false;
        domain.statistics_at = Some(now);
        Ok(())
    }

    /// Export time of a message, seconds since 1970.
    fn export_time(&self) -> u32 {
        u32::try_from(self.now / 1_000).unwrap_or(u32::MAX)
    }
}

impl SentTotals {
    fn count(&mut self, outcome: SendOutcome, message: &[u8]) {
        if outcome == SendOutcome::Sent {
            self.messages += 1;
            self.octets += message.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::ipfix::element::FORWARDING_STATUS;
    use crate::ipfix::{
        FieldSpecifier, FlowLayout, FlowValues, LayoutField, TemplateRefresh, Transport, ValueSlot,
    };

    const START: u64 = 1_418_530_010_000;

    fn exporter() -> Exporter {
        let refresh = TemplateRefresh {
            seconds: 600,
            messages: 20,
        };
        let mut exporter = Exporter::new(&[Transport::Stream], 512, refresh);
        exporter.set_now(START);
        exporter
    }

    /// A layout with this ID and number of fields, each of one octet.
    fn layout(id: u16, fields: usize) -> FlowLayout {
        let field = LayoutField {
            specifier: FieldSpecifier::of(&FORWARDING_STATUS),
            slot: ValueSlot::FORWARDING_STATUS,
            is_key: false,
        };
        FlowLayout::new(id, &vec![field; fields])
    }

    /// Adds a template with this ID to a domain, writes a flow, and nothing else.
    fn write_flow(exporter: &mut Exporter, slot: usize, layout: &FlowLayout) {
        exporter.add_template(slot, &layout.template);
        let mut sink = |_: usize, _: MessageKind, _: &[u8]| Err("the message is not full");
        let written = exporter.write_flow(slot, layout, &FlowValues::default(), (1, 1), &mut sink);
        assert_eq!(written, Ok(()));
    }

    /// Sends everything and returns the messages.
    fn flush(exporter: &mut Exporter) -> Vec<(MessageKind, Vec<u8>)> {
        let mut messages = Vec::new();
        let mut sink = |_: usize, kind: MessageKind, message: &[u8]| {
            messages.push((kind, message.to_vec()));
            Ok::<_, Infallible>(SendOutcome::Sent)
        };
        let Ok(()) = exporter.flush(&mut sink);
        messages
    }

    #[test]
    fn templates_of_all_domains_leave_before_the_flows_of_the_first() {
        use MessageKind::{Flows, NewTemplates};

        let mut exporter = exporter();
        for slot in 0..2 {
            exporter.open_domain(slot, 7, "1");
            write_flow(&mut exporter, slot, &layout(1_024, 1));
        }
        flush(&mut exporter);
        for slot in 0..2 {
            write_flow(&mut exporter, slot, &layout(1_025, 1));
        }
        let kinds: Vec<_> = flush(&mut exporter).iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [NewTemplates, NewTemplates, Flows, Flows]);
    }

    #[test]
    fn a_message_of_templates_is_filled_up_to_the_limit_and_no_further() {
        for (fields, lengths) in [(60, &[512][..]), (61, &[264, 268])] {
            let mut exporter = exporter();
            exporter.open_domain(0, 7, "1");
            exporter.add_template(0, &layout(1_024, 60).template);
            write_flow(&mut exporter, 0, &layout(1_025, fields));
            let mut messages = flush(&mut exporter);
            messages.truncate(lengths.len());
            assert!(
                messages
                    .iter()
                    .all(|(kind, _)| *kind == MessageKind::NewTemplates)
            );
            let sent: Vec<_> = messages.iter().map(|(_, message)| message.len()).collect();
            assert_eq!(sent, lengths, "{fields}");
        }
    }

    #[test]
    fn statistics_are_counted_from_the_second_in_which_the_exporter_started() {
        let mut exporter = exporter();
        exporter.open_domain(0, 7, "1");
        let now = START + 5_000;
        exporter.set_now(now);
        write_flow(&mut exporter, 0, &layout(1_024, 1));
        let (kind, statistics) = flush(&mut exporter).pop().expect("the statistics");
        assert_eq!(kind, MessageKind::Options);
        let times = [&1_418_530_010_u32.to_be_bytes()[..], &now.to_be_bytes()].concat();
        let found = statistics
            .windows(times.len())
            .filter(|octets| *octets == times);
        assert_eq!(found.count(), STATISTICS.len());
    }
}
