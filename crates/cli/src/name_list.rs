//! `flowlogs names`: numbers of interfaces, VRFs and observation domains with names, from inventories, for collectors that
//! do not read options data.

use std::io::{self, Write};

use flowlogs_core::identity;
use flowlogs_core::network::Inventory;
use serde_json::json;

use crate::cli::{NamesArguments, NamesForm};
use crate::coverage_list;
use crate::failure::CommandError;
use crate::input::InputList;
use crate::separated;
use crate::terminal;
use crate::text::{visible, visible_json};

/// Speed of an interface in Akvorado, in megabits a second: Akvorado wants a speed, and EC2 knows none.
const SPEED: u32 = 1_000;

pub(crate) fn run(arguments: &NamesArguments) -> Result<(), CommandError> {
    let list = InputList::of(&[], &arguments.inventory)?;
    for note in list.notes {
        terminal::say(note);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if arguments.coverage {
        coverage_list::write(&mut out, &list.inventory)
    } else {
        let names = names(&list.inventory);
        match arguments.form {
            NamesForm::Csv => write_csv(&mut out, &names),
            NamesForm::Json => write_json(&mut out, &names),
            NamesForm::Akvorado => write_akvorado(&mut out, &names, &arguments.exporter),
        }
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::output(&error))
}

/// Number with names.
#[derive(Debug, PartialEq, Eq)]
struct NumberName {
    kind: &'static str,
    number: u32,
    id: String,
    name: String,
    description: String,
}

/// Returns the names of everything in an inventory, sorted by kind and id.
fn names(inventory: &Inventory) -> Vec<NumberName> {
    let mut names = Vec::new();
    let mut add = |kind, id: &str, name: Option<&str>, description: String| {
        names.push(NumberName {
            kind,
            number: identity(id.as_bytes()),
            id: id.to_owned(),
            name: name.unwrap_or_default().to_owned(),
            description,
        });
    };
    for interface in inventory.interfaces() {
        let parts = [
            interface.instance(),
            interface.zone(),
            interface.subnet(),
            interface.vpc(),
            interface.description(),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        add(
            "interface",
            interface.id(),
            interface.name(),
            parts.join(" "),
        );
    }
    for attachment in inventory.attachments() {
        let parts = [
            attachment.gateway.as_deref(),
            attachment.resource_type.as_deref(),
            attachment.resource.as_deref(),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        add(
            "interface",
            &attachment.id,
            attachment.name.as_deref(),
            parts.join(" "),
        );
    }
    for vpc in inventory.vpcs() {
        add("vrf", &vpc.id, vpc.name.as_deref(), String::new());
    }
    for gateway in inventory.gateways() {
        add(
            "domain",
            &gateway.id,
            gateway.name.as_deref(),
            String::new(),
        );
    }
    names.push(pseudo(1, "ACCEPT"));
    names.push(pseudo(2, "REJECT"));
    names.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    names
}

/// Returns the name of a pseudo-interface.
fn pseudo(number: u32, id: &str) -> NumberName {
    NumberName {
        kind: "interface",
        number,
        id: id.to_owned(),
        name: id.to_owned(),
        description: String::new(),
    }
}

fn write_csv(out: &mut impl Write, names: &[NumberName]) -> io::Result<()> {
    separated::write_row(out, ',', &["kind", "number", "id", "name", "description"])?;
    for row in names {
        let number = row.number.to_string();
        let cells = [row.kind, &number, &row.id, &row.name, &row.description];
        separated::write_row(out, ',', &cells)?;
    }
    Ok(())
}

fn write_json(out: &mut impl Write, names: &[NumberName]) -> io::Result<()> {
    for row in names {
        let object = json!({
            "kind": row.kind,
            "number": row.number,
            "id": row.id,
            "name": row.name,
            "description": row.description,
        });
        writeln!(out, "{}", visible_json(&object.to_string()))?;
    }
    Ok(())
}

/// Writes the `metadata` part of Akvorado's configuration. Akvorado tells exporters apart by address and not by observation
/// domain, so all interfaces stand below a single exporter.
fn write_akvorado(out: &mut impl Write, names: &[NumberName], exporter: &str) -> io::Result<()> {
    // A JSON string is a YAML string.
    let quoted = |text: &str| serde_json::Value::from(visible(text)).to_string();
    writeln!(
        out,
        "metadata:\n  providers:\n    - type: static\n      exporters:"
    )?;
    writeln!(out, "        {}:", quoted(exporter))?;
    writeln!(out, "          name: aws")?;
    writeln!(out, "          default:")?;
    writeln!(
        out,
        "            name: unknown\n            description: unknown"
    )?;
    writeln!(out, "            speed: {SPEED}\n          ifindexes:")?;
    for row in names.iter().filter(|row| row.kind == "interface") {
        let name = if row.name.is_empty() {
            &row.id
        } else {
            &row.name
        };
        writeln!(out, "            {}:", row.number)?;
        writeln!(out, "              name: {}", quoted(name))?;
        let description = format!("{} {}", row.id, row.description);
        writeln!(
            out,
            "              description: {}",
            quoted(description.trim_end())
        )?;
        writeln!(out, "              speed: {SPEED}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(write: impl FnOnce(&mut Vec<u8>, &[NumberName]) -> io::Result<()>) -> String {
        let json = r#"{
            "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "AvailabilityZone": "eu-central-1a",
                "TagSet": [{"Key": "Name", "Value": "web \"1\", blue"}]}],
            "Vpcs": [{"VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "prod"}]}]}"#;
        let inventory = flowlogs_describe::read(json.as_bytes()).expect("an inventory");
        let mut out = Vec::new();
        write(&mut out, &names(&inventory)).expect("into memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn numbers_are_those_of_the_flows_and_cells_are_quoted() {
        let number = identity(b"eni-1");
        let vrf = identity(b"vpc-1");
        assert_eq!(
            listed(write_csv),
            format!(
                "kind,number,id,name,description\n\
                 interface,1,ACCEPT,ACCEPT,\n\
                 interface,2,REJECT,REJECT,\n\
                 interface,{number},eni-1,\"web \"\"1\"\", blue\",eu-central-1a\n\
                 vrf,{vrf},vpc-1,prod,\n"
            )
        );
        let json = listed(write_json);
        let last: serde_json::Value =
            serde_json::from_str(json.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last["number"], vrf);
    }

    #[test]
    fn a_name_is_no_formula_in_csv_and_as_it_is_in_json() {
        let name = "=HYPERLINK(\"https://example.com\")";
        let json = serde_json::json!({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1",
            "Description": "+1", "TagSet": [{"Key": "Name", "Value": name}]}]});
        let inventory = flowlogs_describe::read(json.to_string().as_bytes()).expect("an inventory");
        let (mut csv, mut json) = (Vec::new(), Vec::new());
        write_csv(&mut csv, &names(&inventory)).expect("into memory");
        write_json(&mut json, &names(&inventory)).expect("into memory");
        let csv = String::from_utf8(csv).expect("text");
        let cells = "eni-1,\"'=HYPERLINK(\"\"https://example.com\"\")\",'+1\n";
        assert!(csv.contains(cells), "{csv}");
        let json = String::from_utf8(json).expect("text");
        let mut rows = json
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        assert!(rows.any(|row| row["name"] == name && row["description"] == "+1"));
    }

    #[test]
    fn names_that_people_wrote_neither_disturb_a_terminal_nor_get_lost_in_json() {
        let name = "web\u{1b}[31m\u{202e}\u{9b}1\u{e0041}";
        let json = serde_json::json!({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1",
            "Description": name, "TagSet": [{"Key": "Name", "Value": name}]}]});
        let inventory = flowlogs_describe::read(json.to_string().as_bytes()).expect("an inventory");
        let names = names(&inventory);
        let written = |write: &dyn Fn(&mut Vec<u8>) -> io::Result<()>| {
            let mut out = Vec::new();
            write(&mut out).expect("into memory");
            let text = String::from_utf8(out).expect("text");
            let lines: Vec<_> = text.lines().map(visible).collect();
            assert_eq!(lines.join("\n"), text.trim_end_matches('\n'));
            text
        };
        written(&|out| write_csv(out, &names));
        written(&|out| write_akvorado(out, &names, "0.0.0.0/0"));
        let lines = written(&|out| write_json(out, &names));
        let rows = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let named = rows.filter(|row| row["name"] == name && row["description"] == name);
        assert_eq!(named.count(), 1, "{lines}");
    }

    #[test]
    fn akvorado_gets_an_interface_with_name_description_and_speed() {
        let yaml = listed(|out, names| write_akvorado(out, names, "192.0.2.1/32"));
        let number = identity(b"eni-1");
        assert!(yaml.contains("        \"192.0.2.1/32\":\n"), "{yaml}");
        assert!(
            yaml.contains(&format!(
                "            {number}:\n              name: \"web \\\"1\\\", blue\"\n              \
                 description: \"eni-1 eu-central-1a\"\n              speed: 1000\n"
            )),
            "{yaml}"
        );
        assert!(!yaml.contains("vpc-1"), "VRFs have no names in Akvorado");
    }
}
