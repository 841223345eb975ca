DROP TABLE instances;
DROP TABLE queues;
DROP TABLE attempts;
DROP TABLE jobs;
