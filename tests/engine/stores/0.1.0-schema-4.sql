BEGIN TRANSACTION;
CREATE TABLE interests (
	study VARCHAR NOT NULL, 
	who VARCHAR NOT NULL, 
	seen FLOAT NOT NULL, 
	lasting BOOLEAN NOT NULL, 
	PRIMARY KEY (study, who), 
	FOREIGN KEY(study) REFERENCES studies (digest)
);
INSERT INTO "interests" VALUES('12fabcd3e1444021','page',1.79563239021233963968e+09,1);
INSERT INTO "interests" VALUES('701a6d5641ee3087','command line 4711-1',1.7956323902159366608e+09,0);
CREATE TABLE "jobs" (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, study VARCHAR NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL,
    units TEXT NOT NULL, planned TEXT NOT NULL, expected FLOAT NOT NULL, state VARCHAR NOT NULL,
    attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, threads INTEGER NOT NULL, lease FLOAT, started FLOAT,
    finished FLOAT, stage VARCHAR NOT NULL, stage_from INTEGER NOT NULL, stage_done INTEGER NOT NULL,
    stage_total INTEGER NOT NULL, stage_since FLOAT, error TEXT, made_by TEXT,
    UNIQUE (study, number), FOREIGN KEY(study) REFERENCES studies (digest)
);
INSERT INTO "jobs" VALUES(1,'12fabcd3e1444021',0,'{"epsilons":[1.0,"inf"],"seeds":[0]}','{"features": 1797.0, "noise": 2.0, "train": 186480.0, "attack": 28800.0}','{"features": 0.04400816326530611, "noise": 2.0, "train": 0.03805714285714285, "attack": 1.4106122448979588}',3.49267755102040755588e+00,'done',1,0,2,NULL,1.79563239021739411357e+09,1.79563239024227452281e+09,'data',0,0,1,1.79563239021739411357e+09,NULL,NULL);
INSERT INTO "jobs" VALUES(2,'701a6d5641ee3087',0,'{"epsilons":[1.0],"seeds":[0]}','{"features": 0.0, "noise": 1.0, "train": 86160.0, "attack": 14400.0}','{"noise": 1.0, "train": 9.846857142857143, "attack": 0.8228571428571428}',1.16697142857142850398e+01,'queued',0,0,1,NULL,NULL,NULL,'',0,0,1,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(3,'701a6d5641ee3087',1,'{"epsilons":["inf"],"seeds":[0]}','{"features": 0.0, "noise": 1.0, "train": 143400.0, "attack": 14400.0}','{"noise": 1.0, "train": 16.388571428571428, "attack": 0.8228571428571428}',1.82114285714285699668e+01,'queued',0,0,1,NULL,NULL,NULL,'',0,0,1,NULL,NULL,NULL);
CREATE TABLE ledger (
            dataset VARCHAR NOT NULL, number INTEGER NOT NULL, written FLOAT NOT NULL, kind VARCHAR NOT NULL,
            body TEXT NOT NULL, previous VARCHAR NOT NULL, hash VARCHAR NOT NULL, PRIMARY KEY (dataset, number)
        );
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema','4');
CREATE TABLE pictures (dataset VARCHAR NOT NULL, marks BLOB NOT NULL, PRIMARY KEY (dataset));
CREATE TABLE "provisional" (
    study VARCHAR NOT NULL, epsilon FLOAT NOT NULL, seed INTEGER NOT NULL, clip_only BOOLEAN NOT NULL,
    step INTEGER NOT NULL, steps INTEGER NOT NULL, accuracy FLOAT NOT NULL, epsilon_spent FLOAT, loss FLOAT,
    PRIMARY KEY (study, epsilon, seed, clip_only), FOREIGN KEY(study) REFERENCES studies (digest)
);
INSERT INTO "provisional" VALUES('12fabcd3e1444021',1.0,0,0,20,20,5.32210109018830479499e-01,1.0,NULL);
INSERT INTO "provisional" VALUES('12fabcd3e1444021',9e999,0,0,20,20,5.32210109018830479499e-01,20.0,NULL);
CREATE TABLE "results" (
    id INTEGER NOT NULL, study VARCHAR, dataset VARCHAR, model VARCHAR, defence VARCHAR, epsilon FLOAT, delta FLOAT,
    noise_multiplier FLOAT, sample_rate FLOAT, train_steps INTEGER, max_grad_norm FLOAT, accountant VARCHAR,
    mode VARCHAR, unit VARCHAR, seed INTEGER, metric VARCHAR, attack VARCHAR, norm VARCHAR, eps FLOAT,
    attack_steps INTEGER, restarts INTEGER, value FLOAT, low FLOAT, high FLOAT, interval_method VARCHAR, n INTEGER,
    seconds FLOAT, engine_version VARCHAR, radius FLOAT NOT NULL, clip_only BOOLEAN NOT NULL,
    PRIMARY KEY (id), UNIQUE (study, epsilon, seed, metric, radius, clip_only),
    FOREIGN KEY(study) REFERENCES studies (digest)
);
INSERT INTO "results" VALUES(1,'12fabcd3e1444021','digits','scattering-linear','none',1.0,1.0e-05,1.0,0.1,20,1.0,'none','reproducible','one image added or removed',0,'accuracy','pgd','linf',NULL,40,1,0.583,0.573,0.593,'wilson',100,0.1,'0',-1.0,0);
INSERT INTO "results" VALUES(2,'12fabcd3e1444021','digits','scattering-linear','none',9e999,1.0e-05,1.0,0.1,20,1.0,'none','reproducible','one image added or removed',0,'accuracy','pgd','linf',NULL,40,1,0.757,0.747,0.767,'wilson',100,0.1,'0',-1.0,0);
INSERT INTO "results" VALUES(3,'12fabcd3e1444021','digits','scattering-linear','none',1.0,1.0e-05,1.0,0.1,20,1.0,'none','reproducible','one image added or removed',0,'robust_accuracy','pgd','linf',0.0,40,1,0.707,0.697,0.717,'wilson',100,0.1,'0',0.0,0);
INSERT INTO "results" VALUES(4,'12fabcd3e1444021','digits','scattering-linear','none',9e999,1.0e-05,1.0,0.1,20,1.0,'none','reproducible','one image added or removed',0,'robust_accuracy','pgd','linf',0.0,40,1,0.881,0.871,0.891,'wilson',100,0.1,'0',0.0,0);
INSERT INTO "results" VALUES(5,'12fabcd3e1444021','digits','scattering-linear','none',1.0,1.0e-05,1.0,0.1,20,1.0,'none','reproducible','one image added or removed',0,'robust_accuracy','pgd','linf',0.1,40,1,0.708,0.698,0.718,'wilson',100,0.1,'0',0.1,0);
INSERT INTO "results" VALUES(6,'12fabcd3e1444021','digits','scattering-linear','none',9e999,1.0e-05,1.0,0.1,20,1.0,'none','reproducible','one image added or removed',0,'robust_accuracy','pgd','linf',0.1,40,1,0.882,0.872,0.892,'wilson',100,0.1,'0',0.1,0);
CREATE TABLE speeds (
	dataset VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	threads INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (dataset, model, stage, threads)
);
INSERT INTO "speeds" VALUES('digits','scattering-linear','train',2,1.0e-06);
CREATE TABLE studies (
	digest VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	dataset VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	created FLOAT NOT NULL, 
	revision INTEGER NOT NULL, note TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "studies" VALUES('12fabcd3e1444021','{"dataset":"digits","model":"scattering-linear","privacy":{"epsilons":[1.0,"inf"],"delta":0.00001},"attack":{"name":"pgd","norm":"linf","eps":[0.0,0.1],"steps":40,"images":360,"seeds":1},"seeds":1}','digits','scattering-linear',1.79563239021233963968e+09,4,'');
INSERT INTO "studies" VALUES('701a6d5641ee3087','{"dataset":"digits","model":"cnn","privacy":{"epsilons":[1.0,"inf"],"delta":0.00001},"attack":{"name":"pgd","norm":"linf","eps":[0.0,0.1],"steps":40,"images":360,"seeds":1},"seeds":1}','digits','cnn',1.7956323902159366608e+09,1,'');
CREATE TABLE tags (
    study VARCHAR NOT NULL, tag VARCHAR NOT NULL,
    PRIMARY KEY (study, tag), FOREIGN KEY(study) REFERENCES studies (digest)
);
CREATE TABLE "trained" (
    run INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, study VARCHAR NOT NULL, epsilon FLOAT NOT NULL,
    seed INTEGER NOT NULL, clip_only BOOLEAN NOT NULL, path TEXT NOT NULL,
    UNIQUE (study, epsilon, seed, clip_only), FOREIGN KEY(study) REFERENCES studies (digest)
);
INSERT INTO "trained" VALUES(1,'12fabcd3e1444021',1.0,0,0,'12fabcd3e1444021/0/model-1.0-0.safetensors');
INSERT INTO "trained" VALUES(2,'12fabcd3e1444021',9e999,0,0,'12fabcd3e1444021/0/model-inf-0.safetensors');
CREATE INDEX ix_studies_created ON studies (created);
CREATE INDEX tags_tag ON tags (tag);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_of_study ON jobs (study, state);
CREATE TRIGGER ledger_keeps_what_it_has_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER ledger_keeps_what_it_has_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER pictures_keep_their_marks_update BEFORE UPDATE ON pictures WHEN length(NEW.marks) <= length(OLD.marks) BEGIN SELECT RAISE(ABORT, 'marks are never taken away'); END;
CREATE TRIGGER pictures_keep_their_marks_delete BEFORE DELETE ON pictures BEGIN SELECT RAISE(ABORT, 'marks are never taken away'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',3);
INSERT INTO "sqlite_sequence" VALUES('trained',2);
COMMIT;
