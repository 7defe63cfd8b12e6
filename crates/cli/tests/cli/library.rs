//! The page about the crates as a library.

#[test]
fn the_program_on_the_page_is_the_compiled_example() {
    let read = |path: &str| {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).expect(&path)
    };
    let (page, example) = (read("../../docs/library.md"), read("examples/library.rs"));
    assert!(
        page.contains(&format!("```rust\n{example}```")),
        "docs/library.md has another program than crates/cli/examples/library.rs"
    );
}
