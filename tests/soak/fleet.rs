//! The instances, and where they can be reached at the moment.

use std::sync::{Arc, RwLock};

use tokio::{sync::Mutex, task::block_in_place};

use crate::support::{database::TestDatabase, program::Program};

/// The instances of one database. Clones are the same fleet.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    database: Arc<TestDatabase>,
    settings: Vec<(&'static str, String)>,
    ships: Vec<Mutex<Option<Program>>>,
    /// Of each instance, unless it is dead.
    urls: RwLock<Vec<Option<String>>>,
}

impl Fleet {
    pub async fn start(database: Arc<TestDatabase>, smtp: &str, instances: usize) -> Self {
        let settings = [
            ("SMTP_URL", smtp),
            ("CADASTRO_WELCOME_DELAY", "1s"),
            ("CADASTRO_SIMPLE_TASK", "200ms"),
            ("CADASTRO_PARAMETER_TASK", "400ms"),
            ("CADASTRO_RATE_LIMIT", "off"),
            ("CADASTRO_LEASE", "3s"),
            ("CADASTRO_SHUTDOWN_GRACE", "1s"),
            // Nobody reads what they say.
            ("RUST_LOG", "off"),
        ];
        let fleet = Fleet(Arc::new(Inner {
            database,
            settings: settings
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
            ships: (0..instances).map(|_| Mutex::new(None)).collect(),
            urls: RwLock::new(vec![None; instances]),
        }));
        for instance in 0..instances {
            fleet.launch(instance).await;
        }
        fleet
    }

    pub fn len(&self) -> usize {
        self.0.ships.len()
    }

    /// Where some instance answers, if any does; `turn` chooses among them.
    pub fn url(&self, turn: usize) -> Option<String> {
        let urls = self.0.urls.read().expect("nobody panics with it");
        let living: Vec<_> = urls.iter().flatten().collect();
        (!living.is_empty()).then(|| living[turn % living.len()].clone())
    }

    /// Starts an instance, as its service manager would: again and again while the database is away.
    pub async fn launch(&self, instance: usize) {
        let mut ship = self.0.ships[instance].lock().await;
        let settings: Vec<_> = self
            .0
            .settings
            .iter()
            .map(|(k, v)| (*k, v.as_str()))
            .collect();
        let program = block_in_place(|| {
            loop {
                if let Ok(program) = Program::try_start(&self.0.database, &settings) {
                    return program;
                }
            }
        });
        self.show(instance, Some(program.url.clone()));
        *ship = Some(program);
    }

    /// Ends an instance as a power cut does.
    pub async fn kill(&self, instance: usize) {
        self.show(instance, None);
        if let Some(program) = self.0.ships[instance].lock().await.take() {
            block_in_place(|| program.kill());
        }
    }

    /// Ends an instance as a deployment does.
    pub async fn replace(&self, instance: usize) {
        self.show(instance, None);
        if let Some(program) = self.0.ships[instance].lock().await.take() {
            let status = block_in_place(|| program.terminate());
            assert_eq!(status.code(), Some(0), "a stop in the middle of it all");
        }
    }

    /// Holds an instance as it stands, or lets it go on.
    pub async fn signal(&self, instance: usize, name: &str) {
        if let Some(program) = &*self.0.ships[instance].lock().await {
            program.signal(name);
        }
    }

    fn show(&self, instance: usize, url: Option<String>) {
        self.0.urls.write().expect("nobody panics with it")[instance] = url;
    }
}
