//! Cold environments that read the inventory of an organization from S3: time, memory and requests.
//! `scripts/measure-organization` runs these tests at full size, with the functions as they are deployed.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use flowlogs_describe::{InterfaceDescription, Manifest, ManifestPart, PartWriter, Timestamp};
use flowlogs_testing::object_server::ObjectServer;
use flowlogs_tests::process::Process;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::collector::{Collector, Drain};
use crate::one_function::OneFunction;
use crate::organization::{interface, network};
use crate::payload::subscription;
use crate::runtime::{binary, sized};
use crate::stored::MANIFEST_KEY;

const CLOUDWATCH: &str = "flowlogs-cloudwatch";
const REGION: &str = "eu-central-1";
const TIME: Duration = Duration::from_secs(60);

/// An inventory in S3: interfaces by account and region, numbered in the order of the list; for each account and region a VPC
/// and its flow log.
fn inventory(parts: &[(String, &str, usize)]) -> ObjectServer {
    let server = ObjectServer::start();
    let (mut manifest, mut number) = (Manifest::default(), 0);
    manifest.as_of = Timestamp(1_795_000_000_000);
    for (account, region, count) in parts {
        let mut writer = PartWriter::new();
        for number in number..number + count {
            let described = serde_json::from_value(interface(account, number));
            let mut described: InterfaceDescription = described.expect("an interface");
            writer.add(&mut described);
        }
        number += count;
        manifest.parts.push(ManifestPart {
            account_id: account.clone(),
            region: (*region).to_owned(),
            as_of: Some(manifest.as_of),
            flow_logs_as_of: Some(manifest.as_of),
            version: Some(writer.version()),
            interfaces: writer.interfaces(),
            failure: None,
        });
        let network = network(account, region);
        let flow_log = serde_json::from_value(located(&network["FlowLogs"][0], account, region));
        let vpc = serde_json::from_value(located(&network["Vpcs"][0], account, region));
        manifest.flow_logs.push(flow_log.expect("a flow log"));
        manifest.vpcs.push(vpc.expect("a VPC"));
        let path = format!("bucket/flowlogs/parts/{account}/{region}.json.gz");
        server.put(&path, &writer.finish(account, region));
    }
    server.put(MANIFEST_KEY, &manifest.to_gzip().expect("a small one"));
    server
}

/// Description as the manifest has it.
fn located(description: &Value, account: &str, region: &str) -> Value {
    let mut description = description.clone();
    description["AccountId"] = json!(account);
    description["Region"] = json!(region);
    description
}

/// 300 accounts, in small size 6, in 4 regions each, with this number of interfaces in each region.
fn organization(interfaces: usize) -> Vec<(String, &'static str, usize)> {
    let regions = ["eu-central-1", "eu-west-1", "us-east-1", "us-west-2"];
    let parts = 0..sized(6, 300) * regions.len();
    parts
        .map(|number| {
            (
                format!("{:012}", 100_000_000_000 + 1_000_000_000 * (number / 4)),
                regions[number % 4],
                interfaces,
            )
        })
        .collect()
}

fn variables(server: &ObjectServer, collector: &str) -> [(&'static str, String); 3] {
    [
        ("COLLECTOR", collector.to_owned()),
        ("INVENTORY", "s3://bucket/flowlogs".to_owned()),
        ("AWS_ENDPOINT_URL", server.endpoint.clone()),
    ]
}

/// Line of the default format about an interface of [`interface`].
fn line(account: &str, number: usize) -> String {
    format!(
        "2 {account} eni-{number:017x} 10.9.0.1 10.0.0.5 1024 443 6 7 4000 1795000000 1795000059 ACCEPT OK"
    )
}

/// Event of the log group `flows` of an account.
fn event(account: &str, lines: &[String]) -> Vec<u8> {
    let events: Vec<_> = (lines.iter().enumerate())
        .map(|(number, line)| json!({"id": format!("{number:056}"), "timestamp": 1_795_000_000_000_u64, "message": line}))
        .collect();
    subscription(account, "flows", &events)
}

/// A control group of version 1 or 2 with a quarter of a processor, in periods of 20 ms.
struct ProcessorQuota {
    group: PathBuf,
}

impl ProcessorQuota {
    /// `None` where this process may not make control groups.
    fn quarter() -> Option<Self> {
        let name = format!("flowlogs-{}", std::process::id());
        let settings: [(&str, &[(&str, &str)]); 2] = [
            (
                "/sys/fs/cgroup/cpu",
                &[("cpu.cfs_period_us", "20000"), ("cpu.cfs_quota_us", "5000")],
            ),
            ("/sys/fs/cgroup", &[("cpu.max", "5000 20000")]),
        ];
        settings.into_iter().find_map(|(root, settings)| {
            let quota = Self {
                group: Path::new(root).join(&name),
            };
            std::fs::create_dir(&quota.group).ok()?;
            let mut writes = settings
                .iter()
                .map(|(file, value)| std::fs::write(quota.group.join(file), value));
            writes.all(|write| write.is_ok()).then_some(quota)
        })
    }

    /// Program that starts another one in the group.
    fn wrap(&self, program: &Path, directory: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let wrapper = directory.join("limited");
        let script = format!(
            "#!/bin/sh\necho $$ >{}/cgroup.procs\nexec {}\n",
            self.group.display(),
            program.display()
        );
        std::fs::write(&wrapper, script).expect("a file");
        std::fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755))
            .expect("a file of its own");
        wrapper
    }
}

impl Drop for ProcessorQuota {
    fn drop(&mut self) {
        // The processes in it have ended, or end in a moment.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.group).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Time of a processor that a process has taken, in ticks of 10 ms.
fn processor_time(process: &Process) -> Duration {
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", process.id())).expect("a running process");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(10 * ticks)
}

/// Starts a cold environment, and lets it answer to a payload of 100 lines of an account with `count` interfaces. Returns
/// the time from the start of the process to the answer, at which a named flow has been sent and acknowledged, and the
/// octets of its memory.
fn first_flow(
    server: &ObjectServer,
    (account, count): (&str, usize),
    program: &Path,
    is_fourfold: bool,
) -> (Duration, u64) {
    let collector = Collector::start();
    let lines: Vec<_> = (0..100)
        .map(|line_number| line(account, line_number * (count / 100)))
        .collect();
    let event = event(account, &lines);
    let began = Instant::now();
    let function =
        OneFunction::start_program(CLOUDWATCH, program, &variables(server, &collector.url()));
    let summary = function.invoke(&event, TIME).expect("success");
    let time = match is_fourfold {
        false => began.elapsed(),
        true => 4 * processor_time(function.process()),
    };
    assert_eq!(summary["FlowsExported"], 100, "{summary}");
    assert_eq!(summary["WithoutInventory"], 0, "{summary}");
    collector.flows(100);
    let is_name = |text: &String| text.starts_with("Name of the interface");
    let records = collector.records();
    let mut options = records.iter().filter(|record| record.is_options);
    assert!(options.any(|record| record.fields.values().any(is_name)));
    (time, function.process().memory("VmHWM"))
}

#[test]
fn a_cold_environment_with_a_quarter_of_a_processor_names_its_first_flow() {
    let count = sized(1_000, 20_000);
    let mut parts = organization(1);
    parts[0].2 = count;
    let (server, account) = (inventory(&parts), parts[0].0.as_str());
    server.set_delay(Duration::from_millis(30));
    let Some(program) = binary(CLOUDWATCH) else {
        return;
    };
    let directory = TempDir::new().expect("a directory");
    let quota = ProcessorQuota::quarter();
    let program = match &quota {
        Some(quota) => quota.wrap(&program, directory.path()),
        None => program,
    };
    let mut times = Vec::new();
    let mut memory = 0;
    let rounds = sized(1, 11);
    for number in 0..rounds {
        let (time, octets) = first_flow(&server, (account, count), &program, quota.is_none());
        memory = memory.max(octets);
        if number > 0 || rounds == 1 {
            times.push(time); // from the second one on the file is in memory
        }
    }
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    let how = quota.map_or(
        "processor time, fourfold",
        |_| "a quarter of a processor by control group",
    );
    eprintln!(
        "{count} interfaces, {how}: median {median:.0?}, longest {longest:.0?}; {memory} octets at the most"
    );
    assert!(memory < 128_000_000, "{memory}");
    if sized(false, true) {
        assert!(median < Duration::from_secs(1), "{median:?}");
    }
}

/// Interfaces of all accounts in one payload of a central log group; then of one account.
#[test]
fn memory_with_100_000_interfaces() {
    let count: usize = sized(2_000, 100_000);
    let spread = organization(count.div_ceil(organization(0).len()));
    let one = [("111122223333".to_owned(), REGION, count)];
    for parts in [&spread[..], &one] {
        let server = inventory(parts);
        let drain = Drain::start(false);
        let Some(function) = OneFunction::start(CLOUDWATCH, &variables(&server, &drain.url()))
        else {
            return;
        };
        let mut first = 0;
        let events: Vec<Value> = parts.iter().enumerate().map(|(number, (account, region, count))| {
            let line = line(account, first);
            first += count;
            json!({"id": format!("{number:056}"), "timestamp": 1_795_000_000_000_u64, "message": line,
                "extractedFields": {"@aws.account": account, "@aws.region": region}})
        }).collect();
        let began = Instant::now();
        let summary = function
            .invoke(&subscription("999999999999", "central", &events), TIME)
            .expect("success");
        assert_eq!(summary["FlowsExported"], parts.len(), "{summary}");
        assert_eq!(summary["WithoutInventory"], 0, "{summary}");
        assert_eq!(server.take_requests().len(), 1 + parts.len());
        let memory = function.process().memory("VmHWM");
        eprintln!(
            "{first} interfaces in {} parts: {memory} octets at the most, {:.1?}",
            parts.len(),
            began.elapsed()
        );
        assert!(memory < 128_000_000, "{memory}");
    }
}

/// Every environment is started, then they are invoked, 50 at a time, each with a payload of one account.
#[test]
fn cold_environments_ask_s3_twice_each_and_ec2_never() {
    const AT_ONCE: usize = 50;
    let environments = sized(10, 500);
    let accounts: Vec<_> = (0..50)
        .map(|number| format!("{:012}", 100 + number))
        .collect();
    let parts: Vec<_> = accounts
        .iter()
        .map(|account| (account.clone(), REGION, 20))
        .collect();
    let (server, drain) = (inventory(&parts), Drain::start(false));
    let functions: Option<Vec<_>> = (0..environments)
        .map(|_| OneFunction::start(CLOUDWATCH, &variables(&server, &drain.url())))
        .collect();
    let Some(functions) = functions else {
        return;
    };
    let (functions, began) = (
        Mutex::new(functions.into_iter().enumerate()),
        Instant::now(),
    );
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let next = || functions.lock().expect("no panic while locked").next();
                while let Some((number, function)) = next() {
                    let (account, first) = (&accounts[number % 50], number % 50 * 20);
                    let summary = function.invoke(&event(account, &[line(account, first)]), TIME);
                    let summary = summary.expect("success");
                    assert_eq!(summary["FlowsExported"], 1, "{summary}");
                    assert_eq!(summary["WithoutInventory"], 0, "{summary}");
                }
            });
        }
    });
    let requests = server.take_requests();
    let manifests = requests
        .iter()
        .filter(|request| **request == format!("{MANIFEST_KEY} 200"))
        .count();
    let parts = requests.iter().filter(|request| {
        request.starts_with("bucket/flowlogs/parts/") && request.ends_with(" 200")
    });
    let parts = parts.count();
    eprintln!(
        "{environments} environments in {:.1?}: {manifests} reads of the manifest, {parts} of parts",
        began.elapsed()
    );
    assert_eq!((manifests, parts), (environments, environments));
    assert_eq!(
        requests.len(),
        2 * environments,
        "and no other request, of EC2 neither"
    );
}
