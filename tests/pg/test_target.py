"""Where the database is: what the environment may name, and what would give a password away."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from koudai.base import Fault
from koudai.pg import Target, find_target

SECRET = "hunter2"


def parts(conninfo):
    return conninfo_to_dict(conninfo)


@pytest.mark.parametrize("environment", [{}, {"KOUDAI_DATABASE_URL": ""}, {"KOUDAI_DATABASE_URL": " \n"}])
def test_where_none_is_named_the_embedded_server_is_meant(environment):
    assert find_target(environment) is None


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        (f"postgresql://koudai:{SECRET}@localhost/koudai", {}),
        (f"postgresql://koudai:{SECRET}@127.0.0.1:5433/koudai", {}),
        (f"postgresql://koudai:{SECRET}@127.9.9.9/koudai", {}),
        (f"postgresql://koudai:{SECRET}@[::1]/koudai", {}),
        (f"postgresql://koudai:{SECRET}@/koudai?host=/run/postgresql", {}),
        (f"postgresql:///koudai?user=koudai&password={SECRET}", {}),
        (f"host=localhost user=koudai password={SECRET} sslmode=disable", {}),
        (f"host=localhost,127.0.0.1 user=koudai password={SECRET}", {}),
        (f"host=db.example.com hostaddr=127.0.0.1 user=koudai password={SECRET}", {}),
        (f"user=koudai password={SECRET}", {"PGHOST": "/run/postgresql"}),
        (f"user=koudai password={SECRET}", {"PGHOST": "localhost"}),
    ],
)
def test_a_local_server_is_reached_as_it_is_named(url, environment):
    found = find_target({"KOUDAI_DATABASE_URL": url, **environment})
    assert (found.app, found.admin) == (url, url)
    assert found.shares_login


REMOTE = (
    f"postgresql://koudai:{SECRET}@db.example.com/koudai",
    f"postgresql://koudai:{SECRET}@10.0.0.5/koudai",
    f"postgresql://koudai:{SECRET}@[2001:db8::1]/koudai",
    f"host=db.example.com user=koudai password={SECRET}",
    f"host=localhost,db.example.com user=koudai password={SECRET}",
    f"hostaddr=10.0.0.5 host=localhost user=koudai password={SECRET}",
    f"postgresql://koudai:{SECRET}@0.0.0.0/koudai",
    f"postgresql://koudai:{SECRET}@localhost.example.com/koudai",
)


@pytest.mark.parametrize("url", REMOTE)
def test_a_remote_server_has_to_prove_who_it_is(url):
    found = find_target({"KOUDAI_DATABASE_URL": url})
    told = parts(found.app)
    assert (told["sslmode"], told["sslrootcert"]) == ("verify-full", "system")
    assert {k: v for k, v in told.items() if not k.startswith("ssl")} == parts(url)


@pytest.mark.parametrize("variable", ["PGHOST", "PGHOSTADDR"])
def test_a_remote_server_named_by_the_environment_has_to_prove_it_too(variable):
    found = find_target({"KOUDAI_DATABASE_URL": f"user=koudai password={SECRET}", variable: "10.0.0.5"})
    assert parts(found.app)["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    ("url", "environment", "root"),
    [
        ("host=db.example.com sslmode=verify-full sslrootcert=/etc/ca.pem", {}, "/etc/ca.pem"),
        ("host=db.example.com", {"PGSSLROOTCERT": "/etc/ca.pem"}, "/etc/ca.pem"),
        ("host=db.example.com sslrootcert=/a.pem", {"PGSSLROOTCERT": "/b.pem"}, "/a.pem"),
        ("host=db.example.com sslmode=verify-full", {"PGSSLMODE": "disable"}, "system"),
    ],
)
def test_the_roots_of_trust_may_be_named(url, environment, root):
    told = parts(find_target({"KOUDAI_DATABASE_URL": url, **environment}).app)
    assert (told["sslmode"], told["sslrootcert"]) == ("verify-full", root)


@pytest.mark.parametrize("url", [REMOTE[0], REMOTE[3]])
@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
@pytest.mark.parametrize("variable", ["KOUDAI_DATABASE_URL", "KOUDAI_OWNER_DATABASE_URL"])
def test_a_remote_server_without_proof_is_refused(url, mode, variable):
    weak = f"{url}?sslmode={mode}" if "://" in url else f"{url} sslmode={mode}"
    with pytest.raises(Fault) as caught:
        find_target({"KOUDAI_DATABASE_URL": REMOTE[1], variable: weak})
    assert caught.value.code == "pg.tls_required"
    assert caught.value.facts == {"variable": variable, "sslmode": mode}
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://koudai:{SECRET}@host/db?nonsense=1",
        f"postgresql://koudai:{SECRET}@[::1/db",
        f"postgresql://koudai:{SECRET}%zz@host/db",
        f"user=koudai password='{SECRET}",
        f"mysql://koudai:{SECRET}@host/db",
        f"koudai:{SECRET}@host",
    ],
)
def test_a_url_that_cannot_be_read_is_named_without_its_password(url):
    with pytest.raises(Fault) as caught:
        find_target({"KOUDAI_DATABASE_URL": url})
    assert (caught.value.code, caught.value.facts) == ("pg.bad_url", {"variable": "KOUDAI_DATABASE_URL"})
    assert SECRET not in str(caught.value)


def test_the_owner_may_have_a_login_of_its_own():
    found = find_target(
        {"KOUDAI_DATABASE_URL": "host=localhost user=app", "KOUDAI_OWNER_DATABASE_URL": "host=localhost user=boss"}
    )
    assert (parts(found.app)["user"], parts(found.admin)["user"]) == ("app", "boss")
    assert not found.shares_login


def test_a_session_becomes_the_application_whatever_the_url_asks_for():
    asked = "host=localhost user=boss options='-c role=postgres -c statement_timeout=5s'"
    target = Target(asked, asked)
    app, owner = parts(target.app_conninfo())["options"], parts(target.owner_conninfo())["options"]
    assert "statement_timeout=5s" in app
    assert app.split()[-1] == "role=koudai_app"
    assert owner.split()[-1] == "role=koudai_owner"
