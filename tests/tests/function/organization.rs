//! An emulated organization: Organizations, STS, EC2 of each account and region, and the S3 bucket of the inventory, in one
//! HTTP server. The access key of an assumed role is `ASIA` and the account, so that EC2 knows the account of the question.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use flowlogs_describe::{Timestamp, read_manifest};
use flowlogs_testing::http::{self, HttpRequest};
use serde_json::{Value, json};

use crate::aws::described_page;

pub(crate) const BUCKET: &str = "inventory";
pub(crate) const EXTERNAL_ID: &str = "flows-7";
pub(crate) const REGIONS: [&str; 2] = ["eu-central-1", "eu-west-1"];
const ROLE: &str = "role/flow-logs-transcoder/flowlogs-member";

/// Answer of an account or region in place of its descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// The role cannot be assumed.
    NoRole,
    /// An action is denied.
    Denied(&'static str),
    /// Number of calls to throttle.
    Throttled(usize),
    /// The account does not use the region.
    NotEnabled,
    /// Nothing comes back for as long as a test lasts.
    Silent,
}

/// A question to EC2.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) action: String,
    /// Index of the first item of the page.
    pub(crate) first: usize,
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Accounts of the organization, with states.
    pub(crate) accounts: Vec<(String, &'static str)>,
    /// Lists of descriptions by account and region, in the form of the AWS CLI.
    pub(crate) descriptions: HashMap<(String, String), Value>,
    /// Moods by account, or by account and region.
    pub(crate) moods: HashMap<(String, Option<String>), Mood>,
    /// Time that EC2 takes for an answer.
    pub(crate) delay: Duration,
    /// Items of a page; `None` for as many as were asked for.
    pub(crate) page: Option<usize>,
    /// Generation of the tokens of pages: EC2 knows no token of another one.
    pub(crate) tokens: usize,
    /// S3 refuses to write parts.
    pub(crate) parts_denied: bool,
    /// Organizations refuses.
    pub(crate) organization_denied: bool,
    /// The manifest is replaced by somebody else when EC2 is asked.
    pub(crate) rival: bool,
    /// Objects by key, with versions.
    objects: BTreeMap<String, (u64, Vec<u8>)>,
    versions: u64,
    pub(crate) questions: Vec<Question>,
    /// Keys in the order of writes.
    pub(crate) writes: Vec<String>,
    pub(crate) roles_assumed: Vec<String>,
}

/// Outcome of a front that may answer a request.
pub(crate) enum Answered {
    No,
    /// Answered; `None` if the connection broke.
    Yes(Option<()>),
}

/// The organization.
pub(crate) struct Organization {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

/// A VPC with an interface and a flow log, named after account and region.
pub(crate) fn network(account: &str, region: &str) -> Value {
    let id = format!("{}{}", &account[..3], region.len());
    let name = |text: &str| json!([{"Key": "Name", "Value": format!("{text}-{account}-{region}")}]);
    json!({
        "NetworkInterfaces": [{
            "NetworkInterfaceId": format!("eni-{id}"), "Status": "in-use", "OwnerId": account, "VpcId": format!("vpc-{id}"),
            "PrivateIpAddress": "10.0.0.5", "Description": "web <1>", "TagSet": name("web"),
        }],
        "Vpcs": [{"VpcId": format!("vpc-{id}"), "OwnerId": account, "TagSet": name("shop")}],
        "TransitGateways": [{"TransitGatewayId": "tgw-1", "TagSet": if account.starts_with('1') { name("core") } else { json!([]) }}],
        "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": format!("tgw-attach-{id}"), "TransitGatewayId": "tgw-1",
            "ResourceType": "vpc", "ResourceId": format!("vpc-{id}")}],
        "FlowLogs": [{"FlowLogId": format!("fl-{id}"), "ResourceId": format!("vpc-{id}"), "TrafficType": "ALL",
            "LogDestination": format!("arn:aws:s3:::central/{account}"), "LogFormat": "${version} ${interface-id} ${srcaddr} ${dstaddr} ${bytes}"}],
    })
}

/// An interface of the size of AWS's: tags, a security group, an attachment.
pub(crate) fn interface(account: &str, number: usize) -> Value {
    let [high, middle, low] = [number / 62_500, number / 250 % 250, number % 250 + 1];
    let address = format!("10.{high}.{middle}.{low}");
    let tag = |key: &str| json!({"Key": key, "Value": format!("{key} of the interface {number} in a long sentence")});
    let tags = ["Name", "Team", "CostCenter", "Environment"].map(tag);
    json!({
        "NetworkInterfaceId": format!("eni-{number:017x}"), "Status": "in-use", "OwnerId": account,
        "VpcId": "vpc-0123456789abcdef0", "SubnetId": "subnet-0123456789abcdef0", "InterfaceType": "interface",
        "AvailabilityZone": "eu-central-1a", "AvailabilityZoneId": "euc1-az2", "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": true, "PrivateDnsName": format!("ip-{number}.ec2.internal")}],
        "Description": format!("Interface {number} for tests of large organizations"), "MacAddress": "06:00:00:00:00:01",
        "Attachment": {"InstanceId": format!("i-{number:017x}"), "DeviceIndex": 0},
        "GroupSet": [{"GroupId": "sg-0123456789abcdef0", "GroupName": "a security group"}],
        "TagSet": tags,
    })
}

impl Organization {
    /// Three accounts, two regions.
    pub(crate) fn start() -> Self {
        Self::start_behind(|_, _| Answered::No)
    }

    /// Three accounts, two regions, behind a front that may answer a request itself, or leave the request to the
    /// organization.
    pub(crate) fn start_behind(
        front: impl Fn(&HttpRequest, &TcpStream) -> Answered + Send + Sync + 'static,
    ) -> Self {
        let accounts = ["111111111111", "222222222222", "333333333333"];
        Self::behind(front, &accounts.map(str::to_owned), &REGIONS)
    }

    /// These accounts and regions.
    pub(crate) fn of(accounts: &[String], regions: &[&str]) -> Self {
        Self::behind(|_, _| Answered::No, accounts, regions)
    }

    fn behind(
        front: impl Fn(&HttpRequest, &TcpStream) -> Answered + Send + Sync + 'static,
        accounts: &[String],
        regions: &[&str],
    ) -> Self {
        let descriptions = accounts.iter().flat_map(|account| {
            regions.iter().map(|region| {
                let key = (account.clone(), (*region).to_owned());
                (key, network(account, region))
            })
        });
        let active = accounts.iter().map(|account| (account.clone(), "ACTIVE"));
        let state = Arc::new(Mutex::new(State {
            descriptions: descriptions.collect(),
            accounts: active.collect(),
            ..State::default()
        }));
        let served = Arc::clone(&state);
        let address = http::serve(move |request, stream| match front(request, stream) {
            Answered::Yes(sent) => sent,
            Answered::No => reply(&served, request, stream),
        });
        Self {
            endpoint: format!("http://{address}"),
            state,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }

    /// Settings of the function.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables_of("111111111111,222222222222,333333333333", &REGIONS)
    }

    /// Variables of a function that asks these accounts and regions.
    pub(crate) fn variables_of(
        &self,
        accounts: &str,
        regions: &[&str],
    ) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("ACCOUNTS", accounts.to_owned()),
            ("REGIONS", regions.join(",")),
            ("EXTERNAL_ID", EXTERNAL_ID.to_owned()),
            ("INVENTORY", format!("s3://{BUCKET}/of/us/")),
        ]
    }

    /// Sets the mood of an account, or of a region of the account.
    pub(crate) fn mood(&self, account: &str, region: Option<&str>, mood: Mood) {
        let key = (account.to_owned(), region.map(str::to_owned));
        self.state().moods.insert(key, mood);
    }

    /// The unpacked JSON of an object.
    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        let state = self.state();
        let (_, gzip) = state.objects.get(key).unwrap_or_else(|| panic!("no {key}"));
        let mut json = Vec::new();
        MultiGzDecoder::new(&**gzip)
            .read_to_end(&mut json)
            .expect("gzip");
        json
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&self.object("of/us/manifest.json.gz")).expect("JSON")
    }

    /// The entry of an account and region in a list of the manifest.
    pub(crate) fn entry(&self, list: &str, account: &str, region: &str) -> Option<Value> {
        let manifest = self.manifest();
        let entries = manifest[list].as_array().cloned().expect("a list");
        entries
            .into_iter()
            .find(|one| one["AccountId"] == account && one["Region"] == region)
    }

    /// Makes everything in the manifest older.
    pub(crate) fn age(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).expect("a short time");
        let earlier = |time: &mut Timestamp| time.0 -= by;
        let mut state = self.state();
        let (_, gzip) = &state.objects["of/us/manifest.json.gz"];
        let mut manifest = read_manifest(gzip).expect("a manifest");
        earlier(&mut manifest.as_of);
        for part in &mut manifest.parts {
            part.as_of
                .iter_mut()
                .chain(&mut part.flow_logs_as_of)
                .for_each(earlier);
        }
        for flow_log in &mut manifest.flow_logs {
            flow_log.last_seen.iter_mut().for_each(earlier);
        }
        state.put(
            "of/us/manifest.json.gz",
            manifest.to_gzip().expect("a small one"),
        );
    }

    /// Replaces an object.
    pub(crate) fn replace(&self, key: &str, octets: &[u8]) {
        self.state().put(key, octets.to_vec());
    }

    /// Forgets all questions and writes.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.questions.clear();
        state.writes.clear();
        state.roles_assumed.clear();
    }

    /// Accounts and regions that were asked for an action, each once.
    pub(crate) fn asked(&self, action: &str) -> BTreeSet<(String, String)> {
        let state = self.state();
        let of_action = state
            .questions
            .iter()
            .filter(|question| question.action == action);
        of_action
            .map(|one| (one.account.clone(), one.region.clone()))
            .collect()
    }
}

impl State {
    fn put(&mut self, key: &str, octets: Vec<u8>) -> u64 {
        self.versions += 1;
        self.objects.insert(key.to_owned(), (self.versions, octets));
        self.versions
    }

    fn mood_of(&mut self, account: &str, region: &str) -> Option<Mood> {
        let mut moods = self.moods.iter_mut();
        let found = moods
            .find(|((of, at), _)| of == account && at.as_ref().is_none_or(|at| at == region))?;
        if let Mood::Throttled(left) = found.1 {
            if *left == 0 {
                return None;
            }
            *left -= 1;
        }
        Some(*found.1)
    }
}

fn reply(state: &Mutex<State>, request: &HttpRequest, stream: &TcpStream) -> Option<()> {
    if let Some(target) = request.header("x-amz-target") {
        assert!(target.ends_with(".ListAccounts"), "{target}");
        return list_accounts(state, request, stream);
    }
    let parameters: HashMap<&str, String> = (request.body.split('&'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name, value.replace("%3A", ":").replace("%2F", "/")))
        .collect();
    match parameters.get("Action").map(String::as_str) {
        Some("AssumeRole") => assume_role(state, &parameters, stream),
        Some(action) => describe(state, action, &parameters, request, stream),
        None => object(state, request, stream),
    }
}

/// Answers with a page of accounts: 2, or 20 of an organization of more than 20.
fn list_accounts(state: &Mutex<State>, request: &HttpRequest, stream: &TcpStream) -> Option<()> {
    let state = state.lock().expect("no panic while locked");
    let json = [("content-type", "application/x-amz-json-1.1")];
    if state.organization_denied {
        let body = r#"{"__type": "AccessDeniedException", "Message": "for a test"}"#;
        return http::answer(stream, 400, &json, body.as_bytes());
    }
    let asked: Value = serde_json::from_str(&request.body).ok()?;
    let first: usize = asked["NextToken"].as_str().unwrap_or("0").parse().ok()?;
    let size = if state.accounts.len() > 20 { 20 } else { 2 };
    let page = state.accounts.iter().skip(first).take(size);
    let page: Vec<_> = page
        .map(|(id, state)| json!({"Id": id, "State": state}))
        .collect();
    let next = (first + size < state.accounts.len()).then(|| (first + size).to_string());
    let body = json!({"Accounts": page, "NextToken": next}).to_string();
    http::answer(stream, 200, &json, body.as_bytes())
}

fn assume_role(
    state: &Mutex<State>,
    parameters: &HashMap<&str, String>,
    stream: &TcpStream,
) -> Option<()> {
    let arn = parameters.get("RoleArn")?;
    let account = arn.strip_prefix("arn:aws:iam::")?.get(..12)?;
    let mut state = state.lock().expect("no panic while locked");
    state.roles_assumed.push(account.to_owned());
    let is_right = arn.ends_with(&format!(":{ROLE}"))
        && parameters
            .get("ExternalId")
            .is_some_and(|id| id == EXTERNAL_ID)
        && state.mood_of(account, "") != Some(Mood::NoRole);
    if !is_right {
        let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>for a test</Message></Error></ErrorResponse>";
        return http::xml(stream, 403, body);
    }
    let credentials = format!(
        "<AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration>"
    );
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials>{credentials}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    http::xml(stream, 200, &body)
}

/// Account and region of a signed question, from
/// `AWS4-HMAC-SHA256 Credential=ASIA111111111111/20261129/eu-west-1/ec2/aws4_request, …`.
fn asked(request: &HttpRequest) -> Option<(String, String)> {
    let scope = request
        .header("authorization")?
        .split_once("Credential=")?
        .1;
    let mut scope = scope.split('/');
    let account = scope.next()?.strip_prefix("ASIA");
    let account = account.expect("a key of an assumed role").to_owned();
    Some((account, scope.nth(1)?.to_owned()))
}

fn describe(
    state: &Mutex<State>,
    action: &str,
    parameters: &HashMap<&str, String>,
    request: &HttpRequest,
    stream: &TcpStream,
) -> Option<()> {
    let (account, region) = asked(request)?;
    let token = parameters.get("NextToken").map(String::as_str);
    let (generation, first): (Option<usize>, usize) = token.map_or(Some((None, 0)), |token| {
        let (generation, first) = token.split_once('-')?;
        Some((Some(generation.parse().ok()?), first.parse().ok()?))
    })?;
    let mut state = state.lock().expect("no panic while locked");
    state.questions.push(Question {
        account: account.clone(),
        region: region.clone(),
        action: action.to_owned(),
        first,
        at: Instant::now(),
    });
    if state.rival {
        let manifest = state.objects["of/us/manifest.json.gz"].1.clone();
        state.put("of/us/manifest.json.gz", manifest);
    }
    if generation.is_some_and(|of| of != state.tokens) {
        return refuse(stream, "InvalidNextToken");
    }
    match state.mood_of(&account, &region) {
        Some(Mood::Denied(denied)) if denied == action => {
            return refuse(stream, "UnauthorizedOperation");
        }
        Some(Mood::Throttled(_)) => return refuse(stream, "RequestLimitExceeded"),
        Some(Mood::NotEnabled) => return refuse(stream, "AuthFailure"),
        Some(Mood::Silent) => {
            drop(state);
            std::thread::sleep(Duration::from_secs(60));
            return None;
        }
        Some(Mood::NoRole | Mood::Denied(_)) | None => {}
    }
    let key = action.strip_prefix("Describe")?;
    let items = state.descriptions.get(&(account, region))?[key]
        .as_array()?
        .clone();
    let most = parameters.get("MaxResults")?.parse().ok()?;
    let (size, delay, generation) = (state.page.unwrap_or(most), state.delay, state.tokens);
    drop(state);
    std::thread::sleep(delay);
    let end = items.len().min(first + size);
    let next = (end < items.len()).then(|| format!("{generation}-{end}"));
    let page = described_page(action, &items[first..end], next.as_deref());
    http::xml(stream, 200, &page)
}

/// Answers a question of EC2 with an error.
fn refuse(stream: &TcpStream, code: &str) -> Option<()> {
    let error = format!("<Error><Code>{code}</Code><Message>for a test</Message></Error>");
    let body = format!("<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>");
    http::xml(stream, 403, &body)
}

fn object(state: &Mutex<State>, request: &HttpRequest, stream: &TcpStream) -> Option<()> {
    let path = request.target.split('?').next()?;
    let key = path
        .strip_prefix(&format!("/{BUCKET}/"))
        .expect("the bucket of the inventory");
    let mut state = state.lock().expect("no panic while locked");
    let version = state
        .objects
        .get(key)
        .map(|(version, _)| format!("\"{version}\""));
    let refuse = |status, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>for a test</Message></Error>");
        http::xml(stream, status, &body)
    };
    match request.method.as_str() {
        "GET" => match (state.objects.get(key), version) {
            (Some((_, octets)), Some(version)) => {
                http::answer(stream, 200, &[("etag", &version)], octets)
            }
            _ => refuse(404, "NoSuchKey"),
        },
        "PUT" if state.parts_denied && key.contains("/parts/") => refuse(403, "AccessDenied"),
        "PUT" => {
            let if_match = request.header("if-match");
            let if_none = request.header("if-none-match");
            let is_wrong = if_match.is_some_and(|tag| version.as_deref() != Some(tag))
                || if_none.is_some() && version.is_some();
            if is_wrong {
                return refuse(412, "PreconditionFailed");
            }
            assert!(
                !key.ends_with("manifest.json.gz") || if_match.is_some() || if_none.is_some(),
                "a manifest is written under a condition"
            );
            state.writes.push(key.to_owned());
            let version = state.put(key, request.octets.clone());
            http::answer(stream, 200, &[("etag", &format!("\"{version}\""))], b"")
        }
        other => panic!("{other} {path}"),
    }
}
