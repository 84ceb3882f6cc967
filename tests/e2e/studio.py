"""What a person does in Label Studio, by the names on the screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Response, expect

from howdah.testing.launched import until


def _is_made(url: str) -> bool:
    return re.search(r"/api/projects/?(\?|$)", url) is not None


class Studio:
    """One person's browser tab. Pictures of each step go to `pictures`."""

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self.url = url
        self.project = 0
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        self._pictures = pictures
        pictures.mkdir(parents=True, exist_ok=True)
        page.on("request", lambda request: self._watch(request.url))
        page.on("response", self._note)
        # What a failed test tells: why the page shows what it shows.
        page.on("requestfailed", lambda request: print(f"{request.method} {request.url}: {request.failure}"))

    def picture(self, name: str) -> None:
        """Keep what the screen shows."""
        self.page.screenshot(path=self._pictures / f"{name}.png")

    def sign_up(self, email: str, password: str, picture: str = "") -> None:
        """Make an account on the sign-up page; it is signed in afterwards."""
        self.page.goto(self.url)
        self.page.goto(f"{self.url}/user/signup/")
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", password)
        if picture:
            self.picture(picture)
        self.page.click("button[type=submit]")
        expect(self.page.get_by_text("Create Project").first).to_be_visible()

    def create_project(self, title: str, template: str, picture: str = "") -> None:
        """A new project with one of the host's templates."""
        self.page.goto(self.url)
        # The host makes a draft as the dialog opens, and fails on a name that comes before it is made.
        with self.page.expect_response(lambda answer: answer.request.method == "POST" and _is_made(answer.url)):
            self.page.get_by_role("button", name="Create Project").last.click()
        self.page.fill("input[name=name]", title)
        self.page.get_by_text("Labeling Setup").first.click()
        self.page.get_by_text(template, exact=True).first.click()
        expect(self.page.get_by_text("Labeling Interface").first).to_be_visible()
        expect(self.page.get_by_text("Preview").first).to_be_visible()
        if picture:
            self.page.wait_for_load_state("networkidle")
            self.picture(picture)
        self.page.get_by_role("button", name="Save").first.click()
        self.page.wait_for_url(re.compile(r"/projects/\d+/data"))
        found = re.search(r"/projects/(\d+)/", self.page.url)
        assert found is not None
        self.project = int(found[1])

    def ask(self, path: str, data: dict[str, Any] | None = None) -> Any:
        """The REST interface's answer to a GET, or to a POST of `data`, with this person's session."""
        token = next((c["value"] for c in self.page.context.cookies(self.url) if c["name"] == "csrftoken"), "")
        headers = {"X-CSRFToken": token, "Referer": self.url}
        if data is None:
            answer = self.page.request.get(self.url + path)
        else:
            answer = self.page.request.post(self.url + path, data=data, headers=headers)
        assert answer.ok, f"{path}: {answer.status} {answer.text()}"
        return answer.json()

    def set_up_project(self, title: str, config: str) -> None:
        """A new project with this labeling configuration, without its dialog."""
        self.project = int(self.ask("/api/projects", {"title": title, "label_config": config})["id"])

    def set_up_storage(self, kind: str, title: str, repo: str, **fields: str | bool) -> int:
        """A new source or target of the project, without its dialog; its id."""
        path = "/api/storages/pachyderm" if kind == "Source" else "/api/storages/export/pachyderm"
        given = {"project": self.project, "title": title, "pach_repo": repo, **fields}
        return int(self.ask(path, given)["id"])

    def template(self, title: str) -> str:
        """The labeling configuration of one of the host's templates."""
        found = next(each for each in self.ask("/api/templates")["templates"] if each["title"] == title)
        return str(found["config"])

    def open_storages(self) -> None:
        """The project's page Settings > Cloud Storage."""
        self.page.goto(f"{self.url}/projects/{self.project}/settings/storage")
        # The page shows a disabled button while it loads, then often hides it for another with the same name.
        for kind in ("Source", "Target"):
            expect(self._add_button(kind)).to_be_enabled()

    def _add_button(self, kind: str) -> Locator:
        return self.page.get_by_label(f"Add {kind} Storage").filter(visible=True).first

    def fill_storage(self, kind: str, title: str, repo: str, **fields: str) -> None:
        """Open the dialog for a source or target and fill it in."""
        self.open_storages()
        self._add_button(kind).click()
        self.page.fill("input[name=title]", title)
        for name, value in {"pach_repo": repo, **fields}.items():
            self.page.fill(f"input[name={name}]", value)

    def check_connection(self) -> str:
        """Press Check Connection; what the dialog says."""
        self.page.get_by_label("Test storage connection").click()
        answer = self.page.get_by_text(re.compile("Successfully connected!|Connection failed"))
        expect(answer).to_be_visible()
        return answer.inner_text()

    def runtime_error(self) -> str:
        """The text of the error that the host put over the page, which is closed."""
        window = self.page.get_by_text("Runtime error").last.locator("xpath=../..")
        text = window.inner_text()
        self.page.keyboard.press("Escape")
        return text

    def add_storage(self) -> None:
        """Press Add Storage; the dialog closes."""
        self.page.get_by_label("Add storage", exact=True).click()
        expect(self.page.get_by_label("Test storage connection")).to_have_count(0)

    def sync(self, title: str, ends: str = "Completed") -> None:
        """Press Sync on the card with this title and look at it, without loading the page anew, until it ends so."""
        card = self.card(title)
        button = self.sync_button(title)
        with self.page.expect_response(lambda response: response.url.split("?")[0].endswith("/sync")) as answer:
            button.click()
        assert answer.value.ok, answer.value.text()
        path = answer.value.url.removeprefix(self.url).removesuffix("/sync")
        until(lambda: self.ask(path)["status"] not in {"queued", "in_progress"}, what=f"the end of the Sync of {title}")
        ended = self.ask(path)
        assert ended["status"].replace("_", " ") == ends.lower(), ended
        expect(card.locator("dd").filter(visible=True).get_by_text(ends, exact=True)).to_be_visible()
        expect(button).to_be_enabled()

    def sync_button(self, title: str) -> Locator:
        """Sync of a card once the card is drawn by the plugin: the host's own button, of that name too, is hidden then.

        A click that has chosen a button waits for that one for ever.
        """
        card = self.card(title)
        expect(card.get_by_role("link", name="Data and labels")).to_be_visible()
        return card.get_by_role("button", name="Sync Storage")

    def card(self, title: str) -> Locator:
        """The card of a storage, as `_add_button` the one that is shown."""
        return (
            self.page.locator("div", has=self.page.get_by_text(title, exact=True))
            .filter(has=self.page.get_by_text("Last Sync"), visible=True)
            .last
        )

    def tasks(self) -> list[dict[str, Any]]:
        """The project's tasks, as the page's own requests get them."""
        answer = self.page.request.get(f"{self.url}/api/tasks?project={self.project}&page_size=100&resolve_uri=false")
        found: list[dict[str, Any]] = answer.json()["tasks"]
        return sorted(found, key=lambda task: int(task["id"]))

    def open_tasks(self) -> None:
        """The list of tasks."""
        self.page.goto(f"{self.url}/projects/{self.project}/data")
        expect(self.page.get_by_text(re.compile(r"Tasks: \d+ / \d+"))).to_be_visible()

    def open_task(self, task: int) -> None:
        """The labeling screen of one task."""
        self.page.goto(f"{self.url}/projects/{self.project}/data?task={task}")
        expect(self.page.get_by_label("Submit current annotation")).to_be_visible()

    def choose(self, choice: str) -> None:
        """Choose an answer for the task on the screen."""
        label = self.page.locator("label", has_text=choice).first
        label.click()
        expect(label.locator("input")).to_be_checked()

    def drag(self, where: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse over an element, from and to places given as shares of its width and height."""
        box = where.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=8)
        self.page.mouse.up()

    def submit(self) -> None:
        """Press Submit; returns when the annotation is saved."""
        with self.page.expect_response(lambda response: "/annotations" in response.url) as answer:
            self.page.get_by_label("Submit current annotation").click()
        assert answer.value.ok, answer.value.text()

    def _watch(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.elsewhere.append(url)

    def _note(self, response: Response) -> None:
        if response.status >= 500:
            self.errors.append(f"{response.status} {response.url}")
        if response.status >= 400:
            print(f"{response.request.method} {response.url}: {response.status}")
