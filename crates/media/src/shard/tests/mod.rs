mod graph;
mod world;
