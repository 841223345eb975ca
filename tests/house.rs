//! The house stands as its plan says: floors, rooms, trees.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The rooms from the ground up; those on one floor do not know each other.
const FLOORS: [&[&str]; 8] = [
    &[
        "queue",
        "text",
        "config",
        "metrics",
        "clock",
        "telemetry",
        "fail_points",
    ],
    &["account"],
    &["store", "mail"],
    &["jobs"],
    &["actors"],
    &["web"],
    &["app"],
    &["cli", "testing", "main", "lib"],
];

/// Each library and the room in which it is at home.
const HOMES: [(&str, &str); 9] = [
    ("actix", "actors"),
    ("actix_web", "web"),
    ("diesel", "store"),
    ("lettre", "mail"),
    ("handlebars", "text"),
    ("clap", "cli"),
    ("utoipa", "web"),
    ("cronexpr", "queue"),
    ("chacha20poly1305", "queue"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` that ends so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Each source file with its room and what it says, comments left out.
fn sources() -> Vec<(String, String, String)> {
    let src = root().join("src");
    let source = |path: PathBuf| {
        let name = path
            .strip_prefix(&src)
            .expect("below src")
            .to_string_lossy()
            .into_owned();
        let room = name.split(['/', '.']).next().expect("a room").to_owned();
        let text = fs::read_to_string(&path).expect("text");
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        (name, room, code.join("\n"))
    };
    files(&src, ".rs").into_iter().map(source).collect()
}

fn floor(room: &str) -> usize {
    let found = FLOORS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("the room `{room}` is on no floor; add it to the plan"))
}

/// The words that follow `prefix` in the code, up to the next sign.
fn words_after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        if !code[..at].ends_with(is_word) {
            let rest = &code[at + prefix.len()..];
            words.insert(&rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]);
        }
    }
    words
}

/// `use crate::{a::.., b::..}` names its rooms one level down.
fn rooms_used(code: &str) -> BTreeSet<&str> {
    let mut rooms = words_after(code, "crate::");
    rooms.remove("");
    for (at, _) in code.match_indices("crate::{") {
        let mut depth = 0;
        let mut word = 0;
        let list = &code[at + "crate::{".len()..];
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => word = i + 1,
                ':' if depth == 0 && list[i..].starts_with("::") => {
                    rooms.insert(list[word..i].trim());
                }
                _ => {}
            }
        }
    }
    rooms
}

#[test]
fn a_room_imports_only_from_the_floors_below() {
    for (file, room, code) in sources() {
        for used in rooms_used(&code) {
            let known = FLOORS.iter().any(|rooms| rooms.contains(&used));
            if known && used != room {
                assert!(floor(used) < floor(&room), "{file} climbs to `{used}`");
            }
        }
        floor(&room);
    }
}

#[test]
fn every_library_stays_in_its_room() {
    for (file, room, code) in sources() {
        for (library, home) in HOMES {
            let named = !words_after(&code, &format!("{library}::")).is_empty()
                || code.contains(&format!("{library}_async::"));
            assert!(
                !named || room == home,
                "{file} uses {library}, which lives in {home}"
            );
        }
    }
}

/// One that nobody names is not compiled, and nobody hears of it.
#[test]
fn every_source_file_is_named_by_the_one_above_it() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    for tree in ["src", "tests"].map(|tree| root().join(tree)) {
        for file in files(&tree, ".rs") {
            let is_mod = file.ends_with("mod.rs");
            let module = if is_mod {
                file.parent().expect("a folder")
            } else {
                &file
            };
            let folder = module.parent().expect("a folder");
            let name = module.file_stem().expect("a name").to_string_lossy();
            // A target of its own is named by the manifest.
            let path = file.strip_prefix(root()).expect("below the root");
            let is_root = folder == tree && ["main", "lib"].contains(&&*name)
                || manifest.contains(&format!("path = \"{}\"", path.display()));
            let line = format!("mod {name};");
            let above = ["mod.rs", "lib.rs", "main.rs"].map(|above| folder.join(above));
            let named = [folder.with_extension("rs")]
                .iter()
                .chain(&above)
                .any(|above| {
                    let text = fs::read_to_string(above).unwrap_or_default();
                    text.lines().any(|text| text.ends_with(&line))
                });
            assert!(is_root || named, "nobody names {}", file.display());
        }
    }
}

#[test]
fn both_databases_have_the_same_migrations_each_with_its_way_back() {
    let names = |database: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(database);
        let up = files(&folder, "up.sql");
        let down = files(&folder, "down.sql");
        assert_eq!(up.len(), down.len(), "{database}");
        let name = |path: &PathBuf| path.parent()?.file_name()?.to_str().map(str::to_owned);
        up.iter().filter_map(name).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn the_readme_names_only_files_that_exist() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    for quoted in readme.split('`').skip(1).step_by(2) {
        let is_path = quoted.contains('/') && !quoted.contains([' ', '{', '*', '<', '…', '$']);
        let ours = ["src/", "tests/", "templates/", "migrations/"];
        if is_path && ours.iter().any(|folder| quoted.starts_with(folder)) {
            assert!(root().join(quoted).exists(), "README.md names {quoted}");
        }
    }
}
