//! A real mail server, started privately: Exim, from Debian's package `exim4-daemon-light`.
//!
//! It takes letters over STARTTLS after a log-in and puts them into a maildir of its own. Its
//! listening socket is opened here and inherited (Exim's `-bw`), so that nobody else can take
//! the port and the server can be reached before it has finished starting.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::unix::pipe,
    time::timeout,
};

use super::certificate::Certificate;

const EXIM: &str = "/usr/sbin/exim4";
/// As root it runs as `nobody`, because Exim refuses to work as root.
const NOBODY: u32 = 65534;

pub const USER: &str = "cadastro";
pub const PASSWORD: &str = "s3nha+com/sinais%";
/// The one local part that does not exist here: `nobody-here@anywhere` is refused with 550.
pub const UNKNOWN: &str = "nobody-here";

pub struct MailServer {
    process: Child,
    port: u16,
    folder: TempDir,
    certificate: Certificate,
    bell: Lines<BufReader<pipe::Receiver>>,
}

impl MailServer {
    pub fn start() -> Self {
        assert!(
            Path::new(EXIM).exists(),
            "{EXIM} is missing: apt-get install --no-install-recommends exim4-daemon-light"
        );
        let certificate = Certificate::for_localhost();
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for name in ["spool", "log", "mail"] {
            fs::create_dir(root.join(name)).expect("its folders");
        }
        fs::write(root.join("certificate.pem"), &certificate.chain_pem).expect("its certificate");
        fs::write(root.join("key.pem"), &certificate.key_pem).expect("its key");
        let made = Command::new("mkfifo").arg(root.join("bell")).status();
        assert!(made.expect("mkfifo runs").success());

        let owner = Owner::of(root);
        fs::write(root.join("exim.conf"), configuration(root, &owner)).expect("its settings");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let mut command = Command::new(EXIM);
        command.arg("-C").arg(root.join("exim.conf")).arg("-bw");
        command.stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
        command.stdout(Stdio::null()).current_dir(root);
        if owner.is_nobody {
            hand_to_nobody(root);
            command.uid(NOBODY).gid(NOBODY);
        }
        // Opened for both directions: the reader is there first, and never sees an end.
        let bell = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(root.join("bell"));
        MailServer {
            process: command.spawn().expect("Exim starts"),
            port,
            certificate,
            bell: BufReader::new(bell.expect("the bell")).lines(),
            folder,
        }
    }

    /// The `SMTP_URL` with which letters get through: STARTTLS and the right log-in.
    pub fn url(&self) -> String {
        let password = PASSWORD.replace('%', "%25").replace('/', "%2F");
        self.url_with(USER, &password)
    }

    /// The same with another log-in, percent-encoded.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!(
            "smtp://{user}:{password}@localhost:{}?tls=required",
            self.port
        )
    }

    /// The file that `SSL_CERT_FILE` must name for a client to trust this server.
    pub fn certificate_file(&self) -> PathBuf {
        self.certificate.file()
    }

    /// The next letter to lie in the mailbox, as Exim wrote it there.
    pub async fn delivered(&mut self) -> Vec<u8> {
        let rung = timeout(Duration::from_secs(60), self.bell.next_line()).await;
        let Ok(rung) = rung else {
            panic!("no letter arrived; Exim's log:\n{}", self.log());
        };
        let id = rung.expect("the bell").expect("never ends");
        let letters = fs::read_dir(self.folder.path().join("mail/new")).expect("the mailbox");
        let mut letters =
            letters.map(|file| fs::read(file.expect("a file").path()).expect("a letter"));
        letters
            .find(|letter| String::from_utf8_lossy(letter).contains(&id))
            .expect("the letter for which the bell rang")
    }

    /// What Exim has to say.
    pub fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.path().join("log").join(name));
        let [main, panic] = ["mainlog", "paniclog"].map(|name| read(name).unwrap_or_default());
        main + &panic
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        // A server that is gone already is fine too.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// As whom Exim runs.
struct Owner {
    user: u32,
    /// The process's groups: Exim obeys only members of one that it is told about.
    groups: Vec<u32>,
    is_nobody: bool,
}

impl Owner {
    fn of(folder: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        let made_by_us = fs::metadata(folder).expect("the folder");
        if made_by_us.uid() == 0 {
            return Owner {
                user: NOBODY,
                groups: vec![NOBODY],
                is_nobody: true,
            };
        }
        let status = fs::read_to_string("/proc/self/status").expect("our own status");
        let groups = status.lines().find_map(|line| line.strip_prefix("Groups:"));
        let mut groups: Vec<u32> = groups.map_or(Vec::new(), |ids| {
            ids.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect()
        });
        groups.insert(0, made_by_us.gid());
        Owner {
            user: made_by_us.uid(),
            groups,
            is_nobody: false,
        }
    }
}

fn hand_to_nobody(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root may give away");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            hand_to_nobody(&entry.expect("an entry").path());
        }
    }
}

fn configuration(root: &Path, owner: &Owner) -> String {
    let root = root.display();
    let Owner { user, groups, .. } = owner;
    let group = groups[0];
    let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
    let groups = groups.join(" : ");
    format!(
        r#"
exim_user = {user}
exim_group = {group}
admin_groups = {groups}
deliver_drop_privilege
primary_hostname = localhost
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
tls_certificate = {root}/certificate.pem
tls_privatekey = {root}/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}}}
smtputf8_advertise_hosts = *
# No questions to any name server: there may be none.
host_lookup =
helo_lookup_domains =
dns_ipv4_lookup =
keep_environment =
acl_smtp_rcpt = recipient
acl_smtp_data = accept

begin acl
recipient:
  deny  message = Log in first
        !authenticated = *
  deny  message = Nobody of that name here
        local_parts = {UNKNOWN}
  accept

begin routers
all:
  driver = accept
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  directory = {root}/mail
  maildir_format
  shadow_transport = bell
# Runs once the letter lies in the mailbox.
bell:
  driver = pipe
  command = /bin/sh -c "cat >/dev/null; echo $message_exim_id >{root}/bell"

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
"#
    )
}
