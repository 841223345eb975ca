//! The migrations and, in a release, the templates become part of the program: a change to them is
//! a change to it, which cargo cannot see by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=templates");
}
