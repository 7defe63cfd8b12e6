//! `flowlogs backfill`: prints the commands of the AWS CLI that deliver a past period again. Nothing is run here.
//!
//! Objects of a bucket become messages for the function's queue: notices of S3 with the event name [`BACKFILL_EVENT`];
//! rule 1 lets their records pass. Events of a log group are piped into `flowlogs replay`.

use std::fmt::Write as _;
use std::io::{self, Write};

use flowlogs_source::s3::BACKFILL_EVENT;

use crate::cli::{BackfillArguments, BackfillEvents, BackfillObjects, KeyForm, Moment};
use crate::clock::{DAY, Time};
use crate::failure::CommandError;
use crate::text::visible;

const HOUR: u64 = 3_600_000;

/// Longest period: the commands of each day are printed.
const LONGEST: u64 = 31 * DAY;

pub(crate) fn run(arguments: &BackfillArguments) -> Result<(), CommandError> {
    let period = Period::of(arguments)?;
    let text = match &arguments.events.log_group {
        Some(log_group) => of_events(log_group, &arguments.events, arguments, period),
        None => of_objects(&arguments.objects, arguments, period)?,
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::output(&error))
}

/// Period in milliseconds since 1970, without the end.
#[derive(Debug, Clone, Copy)]
struct Period {
    from: u64,
    until: u64,
}

impl Period {
    fn of(arguments: &BackfillArguments) -> Result<Self, CommandError> {
        let Moment(from) = arguments.from;
        let until = arguments.until.map_or(from + HOUR, |Moment(until)| until);
        if until <= from {
            return Err(CommandError::usage("--until is not after --from"));
        }
        if until - from > LONGEST {
            return Err(CommandError::usage(
                "--until is more than 31 days after --from",
            ));
        }
        Ok(Self { from, until })
    }

    /// Each day with the hours of the period within the day, as milliseconds since 1970.
    fn days(self) -> Vec<Vec<u64>> {
        let mut days: Vec<Vec<u64>> = Vec::new();
        let hours = (0..).map(|number| self.from + number * HOUR);
        for hour in hours.take_while(|hour| *hour < self.until) {
            match days.last_mut() {
                Some(day) if day[0] / DAY == hour / DAY => day.push(hour),
                _ => days.push(vec![hour]),
            }
        }
        days
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", Time(self.from), Time(self.until))
    }
}

/// Commands that name the objects of a period to the function.
fn of_objects(
    objects: &BackfillObjects,
    arguments: &BackfillArguments,
    period: Period,
) -> Result<String, CommandError> {
    let (Some(bucket), Some(queue)) = (&objects.bucket, &objects.queue) else {
        return Err(CommandError::usage(
            "give --bucket and --queue, or --log-group and --to",
        ));
    };
    if !period.from.is_multiple_of(HOUR) || !period.until.is_multiple_of(HOUR) {
        return Err(CommandError::usage(
            "with --bucket, --from and --until are whole hours: the names of objects are chosen by their hour",
        ));
    }
    // A bucket's name stands within the message.
    let is_name = |octet: u8| octet.is_ascii_alphanumeric() || b".-_".contains(&octet);
    if !bucket.bytes().all(is_name) {
        return Err(CommandError::usage(format_args!(
            "--bucket: {} is no name of a bucket",
            bucket.escape_debug()
        )));
    }
    let mut text = format!(
        "# Objects in s3://{bucket} of {period}, as messages for the function's queue.\n\
         # The event name {BACKFILL_EVENT} says that they come again on purpose.\n"
    );
    let message = format!(
        r#"{{"Records":[{{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"{BACKFILL_EVENT}","s3":{{"bucket":{{"name":"{bucket}"}},"object":{{"key":"'"$key"'"}}}}}}]}}"#
    );
    let pace = objects.pace;
    for hours in period.days() {
        let prefix = prefix(objects, arguments, hours[0])?;
        let _ = write!(
            text,
            "aws s3api list-objects-v2 --bucket {} --encoding-type url --output text \\\n    \
             --prefix {} \\\n    --query {} |\n\
             while read -r key; do\n    \
             case $key in ''|None) continue ;; esac\n    \
             aws sqs send-message --queue-url {} --message-body '{message}' >/dev/null </dev/null ||\n        \
             {{ echo \"not sent: $key\" >&2; exit 1; }}\n    \
             echo \"$key\"\n    \
             sleep {pace}\n\
             done\n",
            quoted(bucket),
            quoted(&prefix),
            quoted(&query(objects.keys, &hours)),
            quoted(queue),
        );
    }
    Ok(text)
}

/// Beginning of the keys of a day.
fn prefix(
    objects: &BackfillObjects,
    arguments: &BackfillArguments,
    day: u64,
) -> Result<String, CommandError> {
    let date = Time(day).date().to_string();
    let mut prefix = objects.prefix.clone();
    if !prefix.is_empty() && !prefix.ends_with('/') && objects.keys != KeyForm::Firehose {
        prefix.push('/');
    }
    let dated = date.replace('-', "/");
    let origin = || {
        let origin = arguments.owner.as_ref().zip(arguments.region.as_ref());
        origin.ok_or_else(|| {
            CommandError::usage("the keys begin with account and region: give --owner and --region")
        })
    };
    Ok(match objects.keys {
        KeyForm::Firehose => format!("{prefix}{dated}/"),
        KeyForm::Hive => {
            let (account, region) = origin()?;
            let mut parts = dated.split('/');
            let [year, month, day] = [(); 3].map(|()| parts.next().unwrap_or_default());
            format!(
                "{prefix}AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/year={year}/month={month}/day={day}/"
            )
        }
        KeyForm::Aws => {
            let (account, region) = origin()?;
            format!("{prefix}AWSLogs/{account}/vpcflowlogs/{region}/{dated}/")
        }
    })
}

/// JMESPath query for the keys of some hours of a day, a key a line.
fn query(keys: KeyForm, hours: &[u64]) -> String {
    if hours.len() == 24 {
        return "Contents[].[Key]".to_owned();
    }
    let of_hour = |hour: &u64| {
        let date = Time(*hour).date().to_string();
        let number = hour % DAY / HOUR;
        match keys {
            KeyForm::Firehose => format!("contains(Key, '-{date}-{number:02}-')"),
            KeyForm::Aws | KeyForm::Hive => {
                format!("contains(Key, '_{}T{number:02}')", date.replace('-', ""))
            }
        }
    };
    let hours: Vec<_> = hours.iter().map(of_hour).collect();
    format!("Contents[?{}].[Key]", hours.join(" || "))
}

/// Command that pipes the events of a period into `flowlogs replay`.
fn of_events(
    log_group: &str,
    events: &BackfillEvents,
    arguments: &BackfillArguments,
    period: Period,
) -> String {
    let mut replay = format!(
        "flowlogs replay --log-group {} --udp-rate {}",
        quoted(log_group),
        events.udp_rate
    );
    let mut add = |option: &str, value: &str| {
        let _ = write!(replay, " {option} {}", quoted(value));
    };
    for (option, value) in [
        ("--owner", &arguments.owner),
        ("--region", &arguments.region),
    ] {
        if let Some(value) = value {
            add(option, value);
        }
    }
    for path in &events.inventory {
        add("--inventory", &path.to_string_lossy());
    }
    for url in events.to.iter().flat_map(|list| &list.0) {
        add("--to", &url.to_string());
    }
    format!(
        "# Events of {} of {period}.\n\
         aws logs filter-log-events --log-group-name {} --output text \\\n    \
         --start-time {} --end-time {} |\n    {replay} -\n",
        visible(log_group),
        quoted(log_group),
        period.from,
        // The AWS CLI takes the last millisecond that is wanted.
        period.until - 1,
    )
}

/// Quotes a word for a POSIX shell, if needed.
fn quoted(word: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/._:-=,@%+".contains(&octet);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        for (word, text) in [
            ("/vpc/flow-logs", "/vpc/flow-logs"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's $(x)", r"'it'\''s $(x)'"),
        ] {
            assert_eq!(quoted(word), text);
        }
    }

    #[test]
    fn hours_are_chosen_by_the_names_of_objects_and_whole_days_are_not_filtered() {
        // 2026-11-24T22:00Z
        let period = Period {
            from: 1_795_557_600_000,
            until: 1_795_557_600_000 + 27 * HOUR,
        };
        let days = period.days();
        let queries: Vec<_> = days.iter().map(|day| query(KeyForm::Aws, day)).collect();
        assert_eq!(
            queries,
            [
                "Contents[?contains(Key, '_20261124T22') || contains(Key, '_20261124T23')].[Key]",
                "Contents[].[Key]",
                "Contents[?contains(Key, '_20261126T00')].[Key]",
            ]
        );
        assert_eq!(
            query(KeyForm::Firehose, &days[2]),
            "Contents[?contains(Key, '-2026-11-26-00-')].[Key]"
        );
    }
}
