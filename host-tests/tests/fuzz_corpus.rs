//! Replays the corpus: inputs that fuzzing kept because each of them reached new code.

use std::fs;

use host_tests::artifact;
use host_tests::fuzz::TARGETS;

#[test]
fn no_input_of_the_corpus_makes_its_target_panic() {
    for (name, target) in TARGETS {
        let folder = artifact::root().join("host-tests/fuzz/corpus").join(name);
        let inputs: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("a file that can be read").path())
            .collect();
        assert!(inputs.len() >= 10, "{name}: {} inputs", inputs.len());
        for input in inputs {
            target(&fs::read(&input).unwrap_or_else(|error| panic!("{}: {error}", input.display())));
        }
    }
}
