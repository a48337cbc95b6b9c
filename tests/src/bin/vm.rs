//! What tests/vm calls: `vm build IMAGE...`, `vm shell IMAGE`.

use std::process::{Command, ExitCode, exit};

use rtmp_tests::vm::{Image, Vm};

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["build"] => Image::ALL.into_iter().for_each(build),
        ["build", images @ ..] => images.iter().map(|name| image(name)).for_each(build),
        ["shell", name] => shell(image(name)),
        _ => exit(usage()),
    }
    ExitCode::SUCCESS
}

fn usage() -> i32 {
    eprintln!("vm build [IMAGE...] | vm shell IMAGE");
    2
}

fn image(name: &str) -> Image {
    Image::named(name).unwrap_or_else(|| {
        let all: Vec<_> = Image::ALL.into_iter().map(Image::name).collect();
        eprintln!("tests/vm: there is no image {name}; there are {}", all.join(", "));
        exit(2)
    })
}

fn build(image: Image) {
    println!("{}", image.ready().display());
}

/// A root shell on a terminal in a throwaway machine.
fn shell(image: Image) {
    let vm = Vm::start(image);
    // Without the `timeout SECONDS` that tests need: a person may stay.
    let ssh = |user: &str| vm.ssh(user).option("-t").argv("").split_off(2);
    println!(
        "A throwaway {}: root, alice, bob and carol, password `secret`; what was built is in /job.\n\
         Another shell in it: {}\n\
         It is gone when this shell ends.",
        image.name(),
        ssh("alice").join(" ")
    );
    let ssh = ssh("root");
    let status = Command::new(&ssh[0]).args(&ssh[1..]).status();
    assert!(status.is_ok(), "ssh");
}
