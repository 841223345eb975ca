//! The document of the API: whole, and true.

use std::{collections::BTreeSet, env, fs};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::support::{
    app::TestApp,
    database::TestDatabase,
    program::{Program, sign_up},
    schemathesis,
    visitor::{TOKEN, Visitor},
};

/// Requests to each operation, where `CADASTRO_API_EXAMPLES` says nothing else.
const EXAMPLES: u32 = 10;

/// `GET /api/v1/jobs` and the like, as the route table has them.
fn routes() -> BTreeSet<(String, &'static str)> {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/mod.rs");
    let table = fs::read_to_string(table).expect("the route table");
    let lines = table.split("at(\"").skip(1);
    let taken = lines.flat_map(|line| {
        let (path, handlers) = line.split_once('"').expect("an address ends");
        let methods = ["get", "post", "put", "patch", "delete"].into_iter();
        let methods = methods.filter(move |method| handlers.contains(&format!(".{method}(")));
        methods.map(|method| (path.to_owned(), method))
    });
    taken
        .filter(|(path, _)| path.starts_with("/api/v1/"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_api_is_in_its_document_and_no_other() {
    let database = TestDatabase::sqlite();
    let app = TestApp::start(&database).await;
    let document = Visitor::new(&app).get("/api/openapi.json").await;
    let document = document.with_status(200).json();
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations").keys();
        methods.map(|method| (path.clone(), method.as_str()))
    });
    assert_eq!(operations.collect::<BTreeSet<_>>(), routes());

    let kinds = &document["components"]["schemas"]["NewJob"]["properties"]["kind"]["enum"];
    let kinds = kinds.as_array().expect("the kinds of this program");
    assert!(kinds.contains(&json!("simple_task")), "{kinds:?}");
}

/// Odd, huge and malformed requests among them, and none without the token where it is needed.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_api_is_one_that_its_document_has() {
    let examples = match env::var("CADASTRO_API_EXAMPLES") {
        Ok(examples) => examples.parse().expect("a number"),
        Err(_) => EXAMPLES,
    };
    let settings = [
        ("CADASTRO_OPERATOR_TOKEN", TOKEN),
        ("CADASTRO_RATE_LIMIT", "off"),
        ("CADASTRO_SIMPLE_TASK", "0s"),
        ("CADASTRO_PARAMETER_TASK", "0s"),
    ];
    let databases = TestDatabase::both();
    // Before the first request: a start holds up this thread, and a program does not wait for a request for ever.
    let programs = databases
        .each_ref()
        .map(|database| (database, Program::start(database, &settings)));
    let agree = |(database, program)| agree(database, program, examples);
    join_all(programs.into_iter().map(agree)).await;
}

async fn agree(database: &TestDatabase, program: Program, examples: u32) {
    // Jobs 1 and 2 are of a flow, and wait.
    let job = json!({"kind": "simple_task", "delay_seconds": 3600});
    let flow = json!({"jobs": [
        {"name": "first", "job": job},
        {"name": "second", "job": job, "after": {"first": "success"}},
    ]});
    let client = reqwest::Client::new();
    let flow = client
        .post(format!("{}/api/v1/flows", program.url))
        .json(&flow);
    let flow = flow
        .bearer_auth(TOKEN)
        .send()
        .await
        .expect("an answer")
        .json::<Value>();
    assert_eq!(flow.await.expect("JSON")["jobs"][0]["id"], 1);
    let receipt = sign_up(&program, "maria").await;

    let url = format!("{}/api/openapi.json", program.url);
    let judged = spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        schemathesis::judge(&url, TOKEN, &receipt, examples, folder.path())
    });
    let judged = judged.await.expect("it is run");
    let said = String::from_utf8_lossy(&judged.stdout);
    println!("{database}\n{said}");
    assert!(judged.status.success(), "{database}: {judged:?}");
}
