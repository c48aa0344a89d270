"""A language model, and a note of what it says."""

from models.ports import Answer, LanguageModel, Prompt


class Heard:
    """Passes questions on, and counts answers and their tokens.

    Args:
        model: who answers.

    Attributes:
        answers: that came.
        prompt_tokens: of their questions.
        completion_tokens: of them.
        answered_by: names the server gave itself.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name = model.name
        self.answers = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.answered_by: set[str] = set()

    async def complete(self, prompt: Prompt, *, timeout_s: float) -> Answer:
        """Ask once."""
        answer = await self._model.complete(prompt, timeout_s=timeout_s)
        self.answers += 1
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens
        self.answered_by.add(answer.model)
        return answer

    async def close(self) -> None:
        """Let go of the connections."""
        await self._model.close()
