//! A program that opens sessions in a world: see [`rtmp_tests::application`].

fn main() {
    rtmp_tests::application::main();
}
