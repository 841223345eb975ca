//! Databases to test on: a file for SQLite, a private server for PostgreSQL. Each test gets one of its own.
//!
//! On the shared server it has its tables already, copied from one that was migrated: most tests ask nothing of the
//! migrations, and a copy costs less than they do.

use std::{
    fmt, fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::Command,
    sync::{
        Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use cadastro::{
    metrics::Metrics,
    store::{PoolSize, Store},
};
use tempfile::TempDir;

use super::{
    certificate::Certificate,
    daemon::{Daemon, Program},
    program::BINARY,
};

/// A fresh database: nobody has signed up.
pub struct TestDatabase {
    url: String,
    /// The folder of a SQLite file, removed with it.
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// A file of its own. Gone with this value.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the database");
        TestDatabase {
            url: format!("sqlite://{}", folder.path().join("cadastro.db").display()),
            _folder: Some(folder),
        }
    }

    /// A database of the server that all tests of this process share, with its tables. Gone with the process.
    pub fn postgres() -> Self {
        Self::at(shared().copy_of(template()))
    }

    /// One without a table, for whoever watches the migrations.
    pub fn postgres_bare() -> Self {
        Self::on(shared())
    }

    /// A database of this server.
    pub fn on(server: &PostgresServer) -> Self {
        Self::at(server.database())
    }

    /// One that is reached in a way of the test's own.
    pub fn at(url: String) -> Self {
        TestDatabase { url, _folder: None }
    }

    /// One of each, for what must hold on both.
    pub fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres()]
    }

    /// One of each, without a table.
    pub fn both_bare() -> [Self; 2] {
        [Self::sqlite(), Self::postgres_bare()]
    }

    /// For `--database-url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A store on it, for whoever looks at it past the program.
    pub fn store(&self) -> Store {
        let metrics = Metrics::new("test");
        match self.url.strip_prefix("sqlite://") {
            Some(path) => Store::sqlite(path.as_ref(), metrics),
            None => Store::postgres(&self.url, PoolSize::default(), metrics),
        }
        .expect("it can be opened")
    }
}

/// The URL, to say on which database a test failed.
impl fmt::Display for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// The server that all tests of this process share.
fn shared() -> &'static PostgresServer {
    static SHARED: OnceLock<Result<PostgresServer, String>> = OnceLock::new();
    match SHARED.get_or_init(PostgresServer::try_new) {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    }
}

/// The name of a database on it that the program has migrated, and nobody uses.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let url = shared().database();
        let mut migrate = Command::new(BINARY);
        migrate.args(["migrate", "--database-url", &url]);
        run(migrate).unwrap_or_else(|error| panic!("{error}"));
        url.rsplit('/').next().expect("a name").to_owned()
    })
}

/// Enough connections for all tests at once.
const ROOM: usize = 300;

/// A PostgreSQL server on 127.0.0.1 that trusts everybody there.
///
/// It does not wait for the disk (`fsync=off`), unless it is `durable`: tests break processes, never the machine's power.
pub struct PostgresServer {
    daemon: Mutex<Daemon>,
    port: u16,
}

impl PostgresServer {
    /// Starts one for this test alone, to be stopped at will.
    pub fn new() -> Self {
        Self::try_new().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts one that encrypts, with this certificate.
    pub fn with_tls(certificate: &Certificate) -> Self {
        let server = Self::try_on(free_port(), Some(certificate), ROOM, &[]);
        server.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts one that takes so many connections and no more.
    pub fn with_room_for(connections: usize) -> Self {
        let server = Self::try_on(free_port(), None, connections, &[]);
        server.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts one with the settings that PostgreSQL has by itself: it waits for the disk, as whoever measures must.
    #[allow(dead_code, reason = "only whoever measures needs one")]
    pub fn durable() -> Self {
        let server = Self::try_on(
            free_port(),
            None,
            ROOM,
            &["fsync=on", "shared_buffers=128MB"],
        );
        server.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A fresh database without a table.
    pub fn database(&self) -> String {
        // Nobody can be connected to this template, so that tests may copy it at once.
        self.copy_of("template0")
    }

    fn copy_of(&self, template: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let mut createdb =
            Command::new(program("createdb").unwrap_or_else(|error| panic!("{error}")));
        createdb.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres"]);
        createdb.args(["--maintenance-db=postgres", "--template", template, &name]);
        run(createdb).unwrap_or_else(|error| panic!("{error}"));
        format!("postgres://postgres@127.0.0.1:{port}/{name}")
    }

    /// Removes a database, whoever is connected to it.
    #[allow(dead_code, reason = "only whoever measures needs the room")]
    pub fn forget(&self, url: &str) {
        let name = url.rsplit('/').next().unwrap_or_default();
        let mut dropdb = Command::new(program("dropdb").unwrap_or_else(|error| panic!("{error}")));
        dropdb.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        dropdb.args(["-U", "postgres", "--force", name]);
        run(dropdb).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Stops it: connections are cut, new ones refused. Returns once it is down.
    pub fn stop(&self) {
        self.daemon().stop().expect("PostgreSQL stops");
    }

    /// Starts it again on the same port, with all that it held. Returns once it answers.
    pub fn start(&self) {
        self.daemon()
            .start_again()
            .expect("PostgreSQL starts again");
    }

    fn daemon(&self) -> MutexGuard<'_, Daemon> {
        self.daemon
            .lock()
            .expect("no test panics with the server in hand")
    }

    fn try_new() -> Result<Self, String> {
        // Another process may take the port between our look and the server's start: then once more.
        let start = || Self::try_on(free_port(), None, ROOM, &[]);
        start().or_else(|_| start())
    }

    /// `more` are settings that count more than those of every test.
    fn try_on(
        port: u16,
        certificate: Option<&Certificate>,
        room: usize,
        more: &[&str],
    ) -> Result<Self, String> {
        let user = server_user()?;
        let (initdb, postgres) = (program("initdb")?, program("postgres")?);
        let folder = tempfile::tempdir().expect("a folder for PostgreSQL");
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).expect("root may give a folder away");
        }
        let mut settings = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            format!("max_connections={room}"),
            "shared_buffers=32MB".to_owned(),
            "fsync=off".to_owned(),
        ];
        if let Some(certificate) = certificate {
            settings.extend(install(certificate, folder.path(), user));
        }
        settings.extend(more.iter().map(|setting| (*setting).to_owned()));
        let line = ["sh", "-c", SERVER, "sh"].map(str::to_owned);
        let line = line.into_iter().chain([initdb, postgres]);
        let settings = settings
            .into_iter()
            .flat_map(|setting| ["-c".to_owned(), setting]);
        let (daemon, _) = Daemon::start(Program {
            line: line.chain(settings).collect(),
            // From here on the daemon removes it.
            folder: folder.keep(),
            user,
            end: "QUIT",
            ready: "database system is ready to accept connections",
            fatal: "FATAL",
        })?;
        Ok(PostgresServer {
            daemon: Mutex::new(daemon),
            port,
        })
    }
}

/// Puts a certificate where the server's user can read it, and nobody else the key.
fn install(certificate: &Certificate, folder: &Path, user: Option<(u32, u32)>) -> [String; 3] {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("the certificate's file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its permissions");
        if let Some((user, group)) = user {
            chown(&path, Some(user), Some(group)).expect("root may give a file away");
        }
        path.display().to_string()
    };
    [
        "ssl=on".to_owned(),
        format!(
            "ssl_cert_file={}",
            file("server.crt", &certificate.chain_pem)
        ),
        format!("ssl_key_file={}", file("server.key", &certificate.key_pem)),
    ]
}

/// Makes the data at the first start; at every start becomes the server.
const SERVER: &str = r#"
initdb=$1
shift
[ -e data ] || "$initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync ||
    { echo FATAL; exit; }
exec "$@" -D data
"#;

/// A program of Debian's package, the newest version of it.
fn program(name: &str) -> Result<String, String> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    versions
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .max_by_key(|path| version_of(path))
        .map(|path| path.display().to_string())
        .ok_or_else(|| format!("PostgreSQL's {name} is missing: apt-get install postgresql"))
}

fn version_of(program: &Path) -> Option<u32> {
    program.iter().nth(4)?.to_str()?.parse().ok()
}

/// PostgreSQL refuses to run as root: then it runs as the user whom its package made.
fn server_user() -> Result<Option<(u32, u32)>, String> {
    let we_are_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !we_are_root {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut fields = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .into_iter()
        .flat_map(|line| line.split(':').skip(2));
    let mut number = || fields.next()?.parse().ok();
    match (number(), number()) {
        (Some(user), Some(group)) => Ok(Some((user, group))),
        _ => Err("the user postgres is missing: apt-get install postgresql".to_owned()),
    }
}

/// A port that nobody listens on, below those that the kernel hands out by itself, so that it stays free over a restart.
pub fn free_port() -> u16 {
    std::iter::repeat_with(|| rand::random_range(20_000..32_000))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("the iterator has no end")
}

fn run(mut command: Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}
