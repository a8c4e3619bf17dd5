//! jwt-auth in the frameworks around axum. `guide::frameworks` shows the code of these files.

mod dioxus_functions;
mod grpc;
mod leptos_functions;
mod loco_controllers;
mod mcp;

/// Each block of the chapter is a part of one of these files, so that it compiles.
#[test]
fn the_chapter_shows_code_that_compiles() {
    let files = [
        include_str!("dioxus_functions.rs"),
        include_str!("grpc.rs"),
        include_str!("leptos_functions.rs"),
        include_str!("loco_controllers.rs"),
        include_str!("mcp.rs"),
    ];
    let chapter = include_str!("../../../jwt-auth/src/guide/frameworks.md");
    let blocks: Vec<&str> = chapter.split("```").skip(1).step_by(2).collect();
    assert_eq!(blocks.len(), 7);
    for block in blocks {
        let code = block.strip_prefix("text\n").expect("a block of text");
        assert!(files.iter().any(|file| file.contains(code)), "{code}");
    }
}
