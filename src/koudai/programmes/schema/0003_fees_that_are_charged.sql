-- Documents no longer have fees that nobody charges: of versions that are there they are taken out, as read.
-- What somebody wrote stays as it was.
UPDATE programmes.versions SET parsed = parsed #- '{fees,issue_minor}' #- '{fees,inactivity}';
