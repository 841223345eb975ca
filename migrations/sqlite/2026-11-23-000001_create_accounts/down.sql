DROP TABLE throttles;
DROP TABLE sessions;
DROP TABLE signups;
DROP TABLE users;
