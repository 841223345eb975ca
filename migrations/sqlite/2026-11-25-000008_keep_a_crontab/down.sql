DROP TABLE crontab;
