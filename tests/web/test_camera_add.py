"""Adding a camera: address, preview, save; without scripts."""

from holdfast.library.accounts import Role
from holdfast.web.camera_add import suggested_id
from support.pages import Site, runtime_cameras, words
from support.sim import simulated, small_camera

ADD = "/cameras/-/add"


def _post(made: Site, **form: str) -> tuple[int, str]:
    answer = made.as_(Role.ADMIN).post(ADD, data=form)
    return answer.status_code, answer.text


def test_a_camera_is_added(gate: Site) -> None:
    """An admin adds a camera by name and address, and the list says that it is there (C126)."""
    assert "Add a camera" in gate.page(ADD, Role.ADMIN)
    answer = gate.as_(Role.ADMIN).post(
        ADD, data={"what": "add", "name": "North gate", "url": "rtsp://ann:s3cret@127.0.0.1:9/x"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/cameras?added=north-gate")
    assert runtime_cameras(gate)["north-gate"]["username"] == "ann"
    assert "s3cret" not in str(runtime_cameras(gate))
    html = gate.page("/cameras?added=north-gate", Role.ADMIN)
    assert "North gate was added" in words(html)
    assert "s3cret" not in html
    assert "was added" not in words(gate.page("/cameras?added=nobody", Role.ADMIN))


def test_an_address_is_tried_before_it_is_saved(gate: Site) -> None:
    """Trying shows facts and picture, or why there is none and what to do; nothing is saved, and no password shown."""
    with simulated(small_camera("cam1", user="ann", password="s3cret")) as sim:
        status, text = _post(
            gate, what="try", name="Yard", url=sim.url("cam1", credentials=False), username="ann", password="s3cret"
        )
    said = words(text)
    assert status == 200
    assert "It answers" in said
    assert "h264 320" in said
    assert 'src="data:image/jpeg;base64,' in text
    assert 'value="Yard"' in text
    assert "Type the password once more" in said
    assert "s3cret" not in text
    said = words(_post(gate, what="try", name="Yard", url="rtsp://127.0.0.1:9/x")[1])
    assert "No picture" in said
    assert "refused" in said
    assert runtime_cameras(gate) == {}


def test_what_makes_no_sense_keeps_what_was_typed_but_no_password(gate: Site) -> None:
    """A taken id, a wrong address and a file of this machine are said beside the form (C140)."""
    status, text = _post(gate, what="add", id="GATE", name="Yard", url="rtsp://h/x", password="s3cret")
    assert status == 409
    assert "There is a camera with the id gate already" in words(text)
    assert "Choose another id, or leave it empty" in words(text)
    assert "holdfast cameras" not in text
    assert 'value="Yard"' in text
    assert "s3cret" not in text
    assert "Type it once more" in text
    for what in ("add", "try"):
        assert _post(gate, what=what, name="Yard", url="mms://h/x")[0] == 400
        assert _post(gate, what=what, name="Yard", url="h:554/x")[0] == 400
        status, text = _post(gate, what=what, name="Yard", url="/etc/passwd")
        assert (status, "cannot be named from elsewhere" in text) == (400, True)
    assert runtime_cameras(gate) == {}


def test_password_forms_name_whose_it_is(gate: Site) -> None:
    """A password stands beside a user name that password managers know as one."""
    for path in (ADD, "/cameras/gate/edit"):
        html = gate.page(path, Role.ADMIN)
        assert html.index('autocomplete="username"') < html.index('autocomplete="new-password"')


def test_an_id_is_made_of_a_name() -> None:
    """Names become ids that are safe as folders, and never one that is taken."""
    assert suggested_id("North gate 2", set()) == "north-gate-2"
    assert suggested_id("Süd!", {"s-d", "s-d-2"}) == "s-d-3"
    assert suggested_id("", set()) == "camera"


def test_thirty_two_cameras_added_while_running_are_on_every_page(gate: Site) -> None:
    """Each of 32 cameras that nobody wrote into a file is in list, wall, strip and API, which agree (F58, F54)."""
    names = [f"cam{number}" for number in range(32)]
    for name in names:
        assert _post(gate, what="add", name=name, url=f"rtsp://127.0.0.1:9/{name}")[0] == 303
    answered = gate.as_().get("/api/v1/cameras").json()
    assert {camera["id"] for camera in answered["items"]} == {"gate", *names}
    assert answered["total"] == 33
    for path in ("/cameras", "/"):
        html = gate.page(path)
        main, _, strip = html.partition('<footer class="strip"')
        for name in names:
            assert f'data-camera="{name}"' in main, (path, name)
            assert f'data-camera="{name}"' in strip, (path, name)
    assert gate.page("/cameras/cam31/edit", Role.ADMIN)
