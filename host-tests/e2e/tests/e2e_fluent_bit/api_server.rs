//! A Kubernetes API server that knows one pod per name.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;

/// Starts an API server that gives every pod these annotations, and returns its port. It runs until the process ends.
pub fn start(annotations: serde_json::Value) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let annotations = annotations.clone();
            thread::spawn(move || answer(connection, &annotations));
        }
    });
    port
}

/// Answers `GET /api/v1/namespaces/NAMESPACE/pods/POD` until the client closes the connection.
fn answer(mut connection: TcpStream, annotations: &serde_json::Value) -> Option<()> {
    let mut requests = BufReader::new(connection.try_clone().ok()?);
    loop {
        let mut head = String::new();
        while requests.read_line(&mut head).ok()? > 2 {}
        let path = head.split(' ').nth(1)?;
        let names: Vec<&str> = path.split('/').collect();
        let [_, _, _, "namespaces", namespace, "pods", pod] = names[..] else { return None };
        let pod = json!({
            "kind": "Pod",
            "metadata": {"name": pod, "namespace": namespace, "uid": "7", "labels": {"app": "gateway"}, "annotations": annotations},
            "spec": {"nodeName": "node-1", "containers": []},
            "status": {"podIP": "10.1.0.7", "containerStatuses": []},
        })
        .to_string();
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{pod}",
            pod.len()
        );
        connection.write_all(response.as_bytes()).ok()?;
    }
}
