//! Completions for shells, and pages for `man`.

use crate::run;

#[test]
fn every_shell_is_told_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = run(&["completions", shell], "");
        assert_eq!(outcome.status, Some(0), "{shell}");
        for word in ["replay", "explain", "collect", "deduplicate"] {
            assert!(outcome.stdout.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let program = run(&["man"], "");
    assert_eq!(program.status, Some(0));
    assert!(program.stdout.contains(".TH FLOWLOGS 1"), "{program:?}");
    for command in commands() {
        let page = run(&["man", &command], "").stdout;
        let name = format!("flowlogs-{command}").to_uppercase();
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        assert!(page.contains(".SH EXAMPLES"), "{page}");
        assert!(page.contains(".SH \"EXIT STATUS\""), "{page}");
    }
    let unknown = run(&["man", "repaly"], "");
    assert_eq!(unknown.status, Some(2));
    assert!(
        unknown
            .stderr
            .contains("[possible values: replay, verify, explain"),
        "{unknown:?}"
    );
}

#[test]
fn every_help_has_examples_and_wrong_usage_names_the_help_of_its_command() {
    for command in commands() {
        let outcome = run(&[&command, "--help"], "");
        assert_eq!(outcome.status, Some(0), "{command}");
        assert!(outcome.stdout.contains("\nExamples:\n"), "{command}");
        assert!(
            outcome.stdout.is_ascii(),
            "{command}: any terminal shows it"
        );
    }
    assert!(run(&["--help"], "").stdout.contains("\nExamples:\n"));
    let wrong = run(&["collect", "--widht", "80"], "");
    assert!(
        wrong.stderr.ends_with("see `flowlogs collect --help`\n"),
        "{wrong:?}"
    );
    let value = run(&["collect", "--listen", "udp://127.0.0.1:x"], "");
    assert!(
        value.stderr.ends_with("see `flowlogs collect --help`\n"),
        "{value:?}"
    );
    let nothing = run(&[], "");
    assert_eq!(nothing.status, Some(2));
    assert_eq!(nothing.stderr, run(&["--help"], "").stdout);
    let none = run(&["repaly"], "");
    assert!(none.stderr.ends_with("see `flowlogs --help`\n"), "{none:?}");
}

#[test]
fn completions_know_commands_with_pages_and_words_of_settings() {
    let bash = run(&["completions", "bash"], "").stdout;
    for words in [
        "both ingress egress",
        "replay verify explain fields names",
        "utc local",
        "csv json akvorado",
    ] {
        assert!(bash.contains(words), "{words}");
    }
}

/// Commands that the help of the program lists.
fn commands() -> Vec<String> {
    let help = run(&["--help"], "").stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help");
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(names.len() >= 9, "{names:?}");
    names
}
