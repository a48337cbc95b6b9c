//! How the module is linked.

const ORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/login.ld");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ORDER}");
    // No crti.o, no crtbeginS.o: they serve destructors registered with atexit(3), transactional
    // memory and gprof(1), none of which is here. With them the dynamic linker looks four names up
    // at each login that are hardly ever found, and one page more is touched.
    println!("cargo::rustc-cdylib-link-arg=-nostartfiles");
    // lld would let segments share pages, of which the dynamic linker then writes to two more. To
    // ld.bfd this is an unknown -z, which it ignores.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,separate-loadable-segments");
    println!("cargo::rustc-cdylib-link-arg=-T");
    println!("cargo::rustc-cdylib-link-arg={ORDER}");
}
