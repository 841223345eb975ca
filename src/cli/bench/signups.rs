//! People sign up, so many at once, as the web would sign them up.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use futures_util::future::try_join_all;

use super::figures::{tell, tell_memory, tell_spread};
use crate::{
    account::{Application, FieldError},
    actors::Registrar,
    app::App,
    cli::Failure,
    text::Locale,
};

/// Signs `count` people up, `clients` at once.
pub(super) async fn measure(
    app: &App,
    count: usize,
    clients: usize,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    super::tell(&format!("signing {count} people up, {clients} at once"));
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let clients = (0..clients).map(|_| {
        // On the threads that serve the pages elsewhere.
        let client = client(app.registrar.clone(), next.clone(), count);
        async { tokio::spawn(client).await.expect("no client panics") }
    });
    let seconds = try_join_all(clients).await?;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    tell(out, "signups", "signups/s", rate)?;
    tell_spread(out, "signup", seconds.concat())?;
    tell_memory(out)
}

/// Signs one after the other up, as long as some are left, and says how many seconds each took.
async fn client(
    registrar: Registrar,
    next: Arc<AtomicUsize>,
    count: usize,
) -> Result<Vec<f64>, Failure> {
    let mut seconds = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(seconds);
        }
        let begun = Instant::now();
        let application =
            somebody(number).map_err(|wrong| Failure::Refused(format!("{wrong:?}")))?;
        let signed_up = registrar.sign_up(application, None).await;
        signed_up.map_err(|error| Failure::Refused(format!("a sign-up failed: {error}")))?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
}

/// Somebody at a domain that will never be.
fn somebody(number: usize) -> Result<Application, Vec<FieldError>> {
    let (name, email) = (
        format!("bench_{number}"),
        format!("bench_{number}@cadastro.invalid"),
    );
    Application::parse(&name, &email, "tulipa janela quarenta", None, Locale::En)
}
