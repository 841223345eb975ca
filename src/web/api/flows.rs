//! `/api/v1/flows`: jobs that wait for each other, enqueued together and seen as a graph.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    jobs::Listed,
    new_job::{self, NewJobJson},
    queues,
};
use crate::{
    jobs::Catalogue,
    queue::{After, Flow, JobId, Member, NewJob, Upon},
    store::FlowRows,
    web::{Answer, State, WebError, error::Argument, operator::Operator},
};

/// How many jobs a flow may have: more than anybody can look through.
const MOST: usize = 1000;

/// How many times its jobs may wait for each other.
const EDGES: usize = 10_000;

/// What a program sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFlow {
    jobs: Vec<NewMember>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMember {
    /// By which later ones name it; it is not kept.
    name: String,
    job: NewJobJson,
    /// For which ends of earlier ones it waits, by their names.
    #[serde(default)]
    after: BTreeMap<String, Upon>,
}

/// A flow, as a graph.
#[derive(Serialize, ToSchema)]
#[schema(as = Flow)]
pub struct FlowJson {
    /// The number of its first job.
    flow: Option<JobId>,
    jobs: Vec<Listed>,
    edges: Vec<EdgeJson>,
}

/// `after` waits for this end of `before`.
#[derive(Serialize, ToSchema)]
#[schema(as = Edge)]
struct EdgeJson {
    before: JobId,
    after: JobId,
    upon: Upon,
}

/// Enqueues a flow: all of its jobs, or none.
#[utoipa::path(
    post,
    path = "/api/v1/flows",
    responses((status = CREATED, body = FlowJson, headers(("Location" = String, description = "Where the flow is shown.")))),
)]
pub async fn create(_: Operator, state: web::Data<State>, new: web::Json<NewFlow>) -> Answer {
    let flow = judge(&state.catalogue, new.into_inner()).map_err(WebError::Arguments)?;
    queues::must_exist(&state, flow.jobs()).await?;
    let jobs = state.scheduler.enqueue_flow(flow).await?;
    let first = jobs
        .first()
        .ok_or_else(|| WebError::fault("no row came of a new flow"))?;
    let rows = state.store.flow(first.id).await?;
    let rows = rows.ok_or_else(|| WebError::fault("a new flow is not there"))?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/jobs/{}/flow", first.id)))
        .json(FlowJson::from(&rows)))
}

/// The flow that a job is of.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/flow", responses((status = OK, body = FlowJson)))]
pub async fn show(_: Operator, state: web::Data<State>, id: web::Path<i64>) -> Answer {
    let rows = state.store.flow(JobId(*id)).await?;
    let rows = rows.ok_or(WebError::NotFound)?;
    Ok(HttpResponse::Ok().json(FlowJson::from(&rows)))
}

impl From<&FlowRows> for FlowJson {
    fn from(rows: &FlowRows) -> Self {
        let edges = rows.edges.iter().map(|edge| EdgeJson {
            before: edge.before,
            after: edge.after,
            upon: edge.upon,
        });
        FlowJson {
            flow: rows.jobs.first().and_then(|job| job.flow),
            jobs: rows.jobs.iter().map(Listed::from).collect(),
            edges: edges.collect(),
        }
    }
}

/// The flow, or all that is wrong with it.
fn judge(catalogue: &Catalogue, asked: NewFlow) -> Result<Flow, Vec<Argument>> {
    let edges: usize = asked.jobs.iter().map(|member| member.after.len()).sum();
    if edges > EDGES {
        let message = format!("the jobs of a flow wait for each other {EDGES} times at most");
        return Err(vec![Argument::new("jobs", "too_many", message)]);
    }
    if !(1..=MOST).contains(&asked.jobs.len()) {
        let message = format!("a flow has from 1 to {MOST} jobs");
        return Err(vec![Argument::new("jobs", "out_of_range", message)]);
    }
    let (mut flow, mut members, mut wrong) = (Flow::default(), BTreeMap::new(), Vec::new());
    for (index, asked) in asked.jobs.into_iter().enumerate() {
        let field = format!("jobs[{index}]");
        if members.contains_key(&asked.name) {
            let message = format!("two jobs are called `{}`", asked.name);
            wrong.push(Argument::new(&format!("{field}.name"), "taken", message));
        }
        if asked.job.is_unique() {
            let message = "a flow is new as a whole: none of its jobs can be one that is there";
            wrong.push(Argument::new(
                &format!("{field}.job.unique"),
                "conflict",
                message,
            ));
        }
        let after = waits(&members, &asked.after, &field);
        let job = new_job::judge(catalogue, asked.job).map_err(|arguments| {
            let within = |wrong: Argument| Argument {
                field: format!("{field}.job.{}", wrong.field),
                ..wrong
            };
            arguments.into_iter().map(within).collect()
        });
        let member = add(&mut flow, job, after, &mut wrong);
        members.insert(asked.name, member);
    }
    match wrong.is_empty() {
        true => Ok(flow),
        false => Err(wrong),
    }
}

/// Adds a job; `None` if something is wrong with it, so that those that wait for it need not say so too.
fn add(
    flow: &mut Flow,
    job: Result<NewJob, Vec<Argument>>,
    after: Result<Vec<After>, Vec<Argument>>,
    wrong: &mut Vec<Argument>,
) -> Option<Member> {
    match (job, after) {
        (Ok(job), Ok(after)) => Some(flow.job_after(job, after)),
        (job, after) => {
            wrong.extend(job.err().into_iter().flatten());
            wrong.extend(after.err().into_iter().flatten());
            None
        }
    }
}

/// What a job waits for.
fn waits(
    members: &BTreeMap<String, Option<Member>>,
    asked: &BTreeMap<String, Upon>,
    field: &str,
) -> Result<Vec<After>, Vec<Argument>> {
    let (mut after, mut wrong) = (Vec::new(), Vec::new());
    for (name, upon) in asked {
        match members.get(name) {
            Some(member) => after.extend(member.map(|member| member.upon(*upon))),
            None => {
                let message = format!("no job before this one is called `{name}`");
                wrong.push(Argument::new(
                    &format!("{field}.after.{name}"),
                    "unknown",
                    message,
                ));
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(after),
        false => Err(wrong),
    }
}
