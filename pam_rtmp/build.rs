//! How the module is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // No crti.o, no crtbeginS.o: they serve destructors registered with atexit(3), transactional
    // memory and gprof(1), none of which is here. With them the dynamic linker looks four names up
    // at each login that are hardly ever found, and one page more is touched.
    println!("cargo::rustc-cdylib-link-arg=-nostartfiles");
}
