//! Look-ups before a payload is sent: EC2's answers, or the inventory in S3.

use flowlogs_core::SourceOrigin;
use flowlogs_core::network::AccountRegion;
use flowlogs_export::now;
use flowlogs_source::Payload;
use tokio::time::Instant;

use crate::diagnostics::Failure;
use crate::ec2::{Ec2, set_inventory};
use crate::function::Function;
use crate::log::one_line;
use crate::survey::{SurveyScope, formats_unknown_after, survey};

/// Asks for the knowledge needed by a payload's records. Without `waits` the payload is too old to wait for the inventory.
///
/// # Errors
///
/// [`Failure::Inventory`], or [`Failure::Format`] if a line fits no format and may be of a format younger than the knowledge
/// of formats: nothing of the payload is sent, and the payload comes again.
pub(super) async fn prepare(
    function: &mut Function,
    payload: &Payload<'_>,
    default: SourceOrigin<'_>,
    deadline: Instant,
    waits: bool,
) -> Result<(), Failure> {
    look_up(function, payload, default, deadline).await?;
    read_inventory(function, payload, default, deadline, waits).await
}

/// Asks EC2 the questions due for a payload: formats, then the names of the ids in the lines.
///
/// # Errors
///
/// Errors of [`prepare`].
async fn look_up(
    function: &mut Function,
    payload: &Payload<'_>,
    default: SourceOrigin<'_>,
    deadline: Instant,
) -> Result<(), Failure> {
    let received = now();
    let Function {
        config,
        aws,
        forwarder_slot,
        ec2,
        sources,
        surveyed,
        ..
    } = function;
    let transcoder = forwarder_slot.ready(config, aws).await?.transcoder();
    let Some(ec2) = ec2 else { return Ok(()) };
    let log_group = payload.origin().log_group.unwrap_or_default();
    ec2.set_deadline(deadline);
    // 1. Formats, if due.
    let asked = Instant::now();
    set_inventory(transcoder, ec2.refresh_flow_logs(asked).await);
    let asks_formats = config.log_format.is_none();
    let unknown_after =
        |ec2: &Ec2| formats_unknown_after(ec2.flow_logs_as_of(), received).filter(|_| asks_formats);
    // 2. Survey of the lines.
    let mut scope = SurveyScope {
        // Names are looked up for the first payload of a log stream; later unknown ids come from the transcoder.
        names: surveyed.insert(&payload.origin()),
        formats_unknown_after: unknown_after(ec2),
    };
    let mut unknown = survey(payload, scope, default, sources, transcoder);
    // 3. Formats again because of an unknown line, and the survey again.
    if unknown.is_some() {
        set_inventory(transcoder, ec2.refresh_flow_logs_again().await);
        scope.formats_unknown_after = unknown_after(ec2);
        unknown = survey(payload, scope, default, sources, transcoder);
    }
    ec2.request(transcoder.take_unknown().iter().map(String::as_str));
    if let Some(line) = unknown {
        let reason = ec2.failed_flow_logs().map_or_else(
            || "EC2 was asked before a line of the payload was written; it is asked again".into(),
            ToString::to_string,
        );
        return Err(unknown_format(log_group, &line, reason));
    }
    // 4. Names.
    set_inventory(transcoder, ec2.refresh_names(log_group, asked).await);
    Ok(())
}

/// Logs a line without a fitting known format, and returns the failure of the payload.
fn unknown_format(log_group: &str, line: &str, reason: String) -> Failure {
    let log_group = one_line(&log_group);
    tracing::warn!(log_group, line, "a line fits no known record format");
    Failure::Format { log_group, reason }
}

/// Reads the inventory in S3, if set, as far as needed for the origins of a payload.
///
/// # Errors
///
/// Errors of [`prepare`].
async fn read_inventory(
    function: &mut Function,
    payload: &Payload<'_>,
    default: SourceOrigin<'_>,
    deadline: Instant,
    waits: bool,
) -> Result<(), Failure> {
    let Function {
        config,
        aws,
        forwarder_slot,
        stored,
        sources,
        region,
        ..
    } = function;
    let Some(stored) = stored else { return Ok(()) };
    let transcoder = forwarder_slot.ready(config, aws).await?.transcoder();
    stored.set_deadline(deadline);
    let scopes = payload.origins().filter_map(|origin| {
        let region = origin.region.or(region.as_deref())?;
        Some(AccountRegion::new(origin.owner?, region))
    });
    // Boxed: the SDK's futures are large, and not needed with EC2.
    Box::pin(stored.prepare(scopes, waits, transcoder)).await?;
    let asks_formats = config.log_format.is_none();
    let scope = SurveyScope {
        names: false,
        formats_unknown_after: formats_unknown_after(stored.as_of(), now())
            .filter(|_| asks_formats),
    };
    let Some(line) = survey(payload, scope, default, sources, transcoder) else {
        return Ok(());
    };
    let log_group = payload.origin().log_group.unwrap_or_default();
    let reason = "the inventory was written before a line of the payload; it is read again";
    Err(unknown_format(log_group, &line, reason.to_owned()))
}
