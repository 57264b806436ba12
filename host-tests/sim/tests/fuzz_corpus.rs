//! Replays the corpus: inputs that fuzzing kept because each of them reached new code.

use std::fs;

use sim::fuzz;

/// A property, which panics if it does not hold.
type Property = fn(&[u8]);

/// All fuzz targets, by the name of their corpus.
const TARGETS: [(&str, Property); 6] = [
    ("config", properties::config),
    ("formats", properties::formats),
    ("exchange", properties::exchange),
    ("fluent_bit", fuzz::fluent_bit),
    ("headers", properties::headers),
    ("hostcalls", fuzz::hostcalls),
];

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
