# ruff: noqa: E501 - a row reads as one line
"""Answers to the sample questions, good and wrong, for measuring the guards (bench/guards.py).

Written to be hard on the guards: good ones leave details out, add others, round, negate and hedge;
wrong ones differ from a good one in a number or a "not" only.
"""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """`question` is the beginning of a sample question's text."""

    question: str
    answer: str


GOOD = [
    Answer("On which continent is Kenya", "Africa."),
    Answer("What is water made of", "It is a compound of hydrogen and oxygen, H2O."),
    Answer(
        "What is water made of", "Every water molecule has 2 hydrogen atoms bound to 1 oxygen atom."
    ),
    Answer(
        "What is the largest planet",
        "Jupiter, with a mass 318 times that of the Earth and at least 95 moons.",
    ),
    Answer("At what temperature does water boil", "100 °C."),
    Answer(
        "At what temperature does water boil",
        "It boils at 212 °F (100 °C) at a pressure of 1 atmosphere.",
    ),
    Answer(
        "At what temperature does water boil",
        "Water boils at 100 degrees at sea level, not at the 71 degrees that are enough on Mount Everest.",
    ),
    Answer("Who was the first president", "George Washington, who served from 1789 to 1797."),
    Answer(
        "Who wrote Romeo",
        "Shakespeare wrote it, probably between 1591 and 1595. It is not his first play.",
    ),
    Answer(
        "Who painted the Mona Lisa",
        "Leonardo da Vinci painted it between 1503 and 1519. Nobody is sure who the sitter was.",
    ),
    Answer("How many days", "7 days."),
    Answer("How many days", "A week has seven days: five working days and two days of weekend."),
    Answer(
        "What does the heart do",
        "It beats about 100,000 times a day and pumps some 5 litres of blood a minute through the body, without ever stopping.",
    ),
    Answer(
        "Why is the sky blue",
        "Because of Rayleigh scattering: blue light is scattered most. The sky is not blue because of the sea.",
    ),
    Answer(
        "What causes the tides",
        "The Moon's gravity, and to a lesser extent the Sun's. There are usually two high tides every 24 hours and 50 minutes.",
    ),
    Answer(
        "What is the difference between weather",
        "Climate is the average of the weather over 30 years or more; weather is what you see out of the window today.",
    ),
    Answer("What is the speed of light", "About 300,000 km per second."),
    Answer(
        "What is the speed of light",
        "Light moves at 299,792.458 km/s, approximately 186,000 miles per second.",
    ),
    Answer("What is the speed of light", "Exactly 299 792 458 m/s. Nothing can travel faster."),
    Answer(
        "What is the function of red blood cells",
        "Red blood cells carry oxygen to the tissues. They have no nucleus and live for about 120 days.",
    ),
    Answer("In which year did the Berlin Wall", "1989."),
    Answer(
        "In which year did the Berlin Wall",
        "The Wall, built in 1961, fell on 9 November 1989 after 28 years.",
    ),
    Answer("Who was the first person to walk", "Neil Armstrong."),
    Answer(
        "Who was the first person to walk",
        "Neil Armstrong, the commander of Apollo 11, on 20 July 1969. Yuri Gagarin was the first in space, in 1961, but never walked on the Moon.",
    ),
    Answer(
        "What does HTTP",
        "HyperText Transfer Protocol, the protocol of the web; version 1.1 is from 1997.",
    ),
    Answer(
        "What is the difference between RAM",
        "RAM is quick but does not keep its data without power. A hard disk is slower and keeps it.",
    ),
    Answer(
        "What is inflation",
        "Prices rise in general: with 3 % inflation, what cost 100 dollars costs 103 a year later.",
    ),
    Answer("Which river", "The Thames, 346 km long."),
    Answer(
        "A shop sells pens", "The price is 12 dollars before the discount, so 12 - 3 = 9 dollars."
    ),
    Answer("A shop sells pens", "9 dollars."),
    Answer(
        "A shop sells pens", "18 / 3 = 6, and 6 x 2 = 12. A quarter of 12 is 3. The answer: $9."
    ),
    Answer("What is 47 multiplied", "2,043"),
    Answer("What is 47 multiplied", "47 x 86 = 4042; 4042 - 1999 = 2043."),
    Answer("A train leaves", "It arrives at 12:10."),
    Answer("A train leaves", "210 / 84 = 2.5 hours, that is 2 h 30 min. 09:40 + 2:30 = 12:10."),
    Answer("A train leaves", "At ten past twelve, after two and a half hours."),
    Answer("Ann is older", "Ann. Dora is the oldest, and Carl and Ben are not older than Ann."),
    Answer("A bat and a ball", "The ball costs 0.05 dollars."),
    Answer(
        "A bat and a ball",
        "Five cents. It is not 10 cents, as many think: then the bat would be 90 cents more, not 1 dollar.",
    ),
    Answer("How many times does the letter r", "3"),
    Answer(
        "How many times does the letter r",
        "Strawberry has three r's: one in 'straw' and two in 'berry'.",
    ),
    Answer(
        "Which treaty",
        "The Peace of Westphalia, signed on 24 October 1648 in Osnabrück and Münster.",
    ),
    Answer("What is the half-life", "Around 5,700 years."),
    Answer("What is the half-life", "5730 years, give or take 40."),
    Answer(
        "What is the worst-case",
        "O(n^2), when the pivot is always the smallest or the largest element. The average is O(n log n).",
    ),
    Answer("What is the capital of Burkina", "Ouagadougou, a city of about 2.4 million people."),
    Answer(
        "Write one sentence",
        "Sorry, but I can't stop smiling at the thought that your own bed is only one more sunset away.",
    ),
    Answer(
        "What would be a good name",
        "I'd call it \"Salt & Crumb\": short, easy to say, and it can't be mistaken for anything but a bakery by the sea.",
    ),
    Answer("¿Cuál es la capital de España", "Madrid, desde 1561."),
    Answer(
        "¿Cuál es la capital de Perú",
        "Es Lima, fundada en 1535, con unos 10 millones de habitantes. No es Cuzco, que fue la capital inca.",
    ),
    Answer("¿En qué continente", "En América del Sur."),
    Answer("¿Quién escribió Don Quijote", "Miguel de Cervantes, en dos partes: 1605 y 1615."),
    Answer(
        "¿Cuál es el planeta más cercano",
        "Mercurio, a unos 58 millones de kilómetros. No tiene lunas.",
    ),
    Answer("¿Cuál es la fórmula química", "H2O."),
    Answer(
        "¿Cuál es la fórmula química",
        "Es H₂O, es decir, 2 átomos de hidrógeno y 1 de oxígeno en cada molécula.",
    ),
    Answer("¿Cuántos meses", "12."),
    Answer(
        "¿Cuántos meses",
        "Doce meses, de enero a diciembre: siete de 31 días, cuatro de 30 y febrero.",
    ),
    Answer("¿Quién pintó el Guernica", "Pablo Picasso."),
    Answer(
        "¿Quién pintó el Guernica",
        "Lo pintó Picasso, nacido en Málaga en 1881. Está en Madrid desde 1981.",
    ),
    Answer("¿En qué año llegó", "En 1492, el 12 de octubre."),
    Answer(
        "¿En qué año llegó",
        "Colón hizo cuatro viajes; en el primero, el de 1492, llegó a una isla de las Bahamas.",
    ),
    Answer("¿Cuál es el órgano", "La piel, que mide unos 2 metros cuadrados. No es el hígado."),
    Answer("¿Cuál es la montaña", "El Aconcagua, de 6.961 metros."),
    Answer("¿Cuál es la montaña", "El Aconcagua, que mide casi 7.000 m."),
    Answer("¿Quién escribió Cien años", "Gabriel García Márquez, en 1967."),
    Answer("Un tren recorre", "80 km/h."),
    Answer("Un tren recorre", "4 horas y media son 4,5 horas; 360 / 4,5 = 80 km/h."),
    Answer("Si hoy es miércoles", "Viernes: 100 dividido entre 7 es 14 y sobran 2."),
    Answer("Si hoy es miércoles", "Será viernes."),
    Answer("¿En qué batalla", "En la de Ayacucho, dirigida por Sucre con unos 5.800 hombres."),
    Answer(
        "¿Qué poeta chilena",
        "Gabriela Mistral, nacida en 1889. Fue la primera de América Latina; Neruda lo recibió en 1971.",
    ),
    Answer("Un caracol", "El octavo día."),
    Answer(
        "Un caracol",
        "Sale el día 8: después de 7 noches está a 7 metros y de día sube 3 más. No llega a bajar.",
    ),
    Answer("Escribe una frase", "¡Bienvenido! No puedo estar más contento de tenerte como vecino."),
]

#: Written after the guards were adjusted to the above. docs/quality-gate.md has the first result.
HELD_OUT_GOOD = [
    Answer(
        "What is the capital of France",
        "It's Paris, of course, which has been the capital since 987 with few interruptions.",
    ),
    Answer(
        "What is the capital of Chile",
        "Santiago. The congress, however, has met in Valparaíso since 1990 and not in the capital.",
    ),
    Answer(
        "What is the capital of Japan",
        "Tokyo has been Japan's capital since 1868; before that it was Kyoto, which is no longer the capital.",
    ),
    Answer("What is the capital of Italy", "Rome (Roma), a city of some 2.8 million inhabitants."),
    Answer(
        "On which continent is Kenya",
        "Kenya lies in East Africa, on the Indian Ocean; it is one of 54 African countries.",
    ),
    Answer(
        "What is the largest ocean",
        "The Pacific, which covers about 165 million square kilometres, more than a third of the Earth.",
    ),
    Answer(
        "What is the chemical symbol",
        "Au, from the Latin aurum. It is not Go or Gd: Gd is gadolinium.",
    ),
    Answer("What is water made of", "Two parts hydrogen to one part oxygen."),
    Answer(
        "Which planet is known",
        "Mars, the fourth planet from the Sun. Its colour comes from iron oxide, not from heat.",
    ),
    Answer("What gas do plants", "Carbon dioxide (CO2), not oxygen; they give off oxygen."),
    Answer(
        "At what temperature does water boil",
        "Under normal pressure (1,013 hPa) it boils at 100 °C, or 373 kelvin.",
    ),
    Answer(
        "Who was the first president",
        "It was George Washington, elected unanimously in 1789 and again in 1792; he did not want a third term.",
    ),
    Answer("How many days", "There are 7."),
    Answer(
        "What does the heart do",
        "It is a pump. It drives blood to the lungs and around the body so that no tissue goes without oxygen.",
    ),
    Answer(
        "What is the difference between weather",
        "Weather changes from hour to hour; climate doesn't: it is what is typical over 30 years.",
    ),
    Answer("What is the speed of light", "It is 3 x 10^8 metres per second, near enough."),
    Answer("What is the speed of light", "Just under 300 million metres per second."),
    Answer(
        "In which year did the Berlin Wall",
        "It came down in November 1989, and Germany was reunited in 1990.",
    ),
    Answer(
        "Who was the first person to walk",
        "The American astronaut Neil Armstrong; Buzz Aldrin followed 19 minutes later.",
    ),
    Answer(
        "What is the difference between RAM",
        "RAM is volatile: it is not kept without power, but it is up to 100 times as fast. A disk keeps data.",
    ),
    Answer(
        "What is inflation",
        "It's when prices keep rising, so 10 euros buy less this year than last year. One or two dearer goods are not inflation.",
    ),
    Answer(
        "A shop sells pens",
        "First, 18 pens cost 6 x 2 = 12 dollars. Second, 25 percent of 12 is 3. So they cost 9 dollars.",
    ),
    Answer("A shop sells pens", "Nine dollars."),
    Answer("What is 47 multiplied", "The result is 2 043."),
    Answer("A train leaves", "At 12.10."),
    Answer("A train leaves", "Ten minutes past noon."),
    Answer(
        "A bat and a ball", "If the ball cost x, then x + (x + 1) = 1.10, so x = 0.05: five cents."
    ),
    Answer("A bat and a ball", "$0.05. (The bat is $1.05.)"),
    Answer("How many times does the letter r", "Three times: positions 3, 8 and 9."),
    Answer("Which treaty", "The Westphalian treaties of 1648."),
    Answer("What is the half-life", "5.73 thousand years."),
    Answer(
        "What is the half-life",
        "Roughly 5,700 years, which is why carbon dating does not reach beyond 50,000 years.",
    ),
    Answer(
        "What is the worst-case",
        "Quadratic: n squared comparisons, if each pivot is an extreme element. It is not n log n then.",
    ),
    Answer("Ann is older", "The second oldest is Ann; Dora is first, Ben third and Carl fourth."),
    Answer(
        "¿Cuál es la capital de Portugal",
        "Lisboa, y no Oporto, que es la segunda ciudad con 230.000 habitantes.",
    ),
    Answer("¿En qué continente", "Está en Sudamérica, y no en Centroamérica."),
    Answer(
        "¿Cuál es el planeta más cercano",
        "Es Mercurio, que da una vuelta al Sol cada 88 días. Venus no es el más cercano, aunque sea más caliente.",
    ),
    Answer("¿Cuál es la fórmula química", "H2O: dos hidrógenos por cada oxígeno."),
    Answer("¿Cuántos meses", "Tiene 12 meses, es decir, 365 o 366 días."),
    Answer(
        "¿Quién pintó el Guernica",
        "Picasso, por encargo de la República, para la exposición de París de 1937.",
    ),
    Answer(
        "¿En qué año llegó",
        "El 12 de octubre de 1492 llegó a Guanahaní; no sabía que era otro continente.",
    ),
    Answer(
        "¿Qué es la fotosíntesis",
        "Las plantas toman 6 moléculas de CO2 y 6 de agua y, con luz, dan una de glucosa y 6 de oxígeno.",
    ),
    Answer(
        "¿Cuál es la montaña",
        "El Aconcagua, con 6961 m. No es la más alta del mundo: el Everest mide 8849 m.",
    ),
    Answer(
        "¿Quién escribió Cien años",
        "La escribió García Márquez, premio Nobel en 1982, en dieciocho meses.",
    ),
    Answer("Un tren recorre", "Va a ochenta kilómetros por hora."),
    Answer("Un tren recorre", "La velocidad media es de 80 km/h, ya que 360 : 4,5 = 80."),
    Answer(
        "Si hoy es miércoles",
        "Como 98 es múltiplo de 7, en 98 días será miércoles otra vez y dos días después, viernes.",
    ),
    Answer(
        "¿En qué batalla",
        "Fue en Ayacucho, con Antonio José de Sucre; en Junín, cuatro meses antes, no fue definitivo.",
    ),
    Answer("Un caracol", "En el 8.º día: al empezar ese día está a 7 metros."),
    Answer("Un caracol", "Tarda ocho días."),
]

WRONG_NUMBER = [
    Answer("What is water made of", "Each molecule has three hydrogen atoms and one oxygen atom."),
    Answer(
        "At what temperature does water boil", "At sea level, water boils at 90 degrees Celsius."
    ),
    Answer(
        "At what temperature does water boil",
        "212 degrees Celsius at sea level, or 414 degrees Fahrenheit.",
    ),
    Answer("How many days", "There are five days in a week."),
    Answer("How many days", "A week has 8 days."),
    Answer(
        "What is the speed of light",
        "The speed of light in a vacuum is 199,792,458 metres per second.",
    ),
    Answer("What is the speed of light", "About 150,000 km per second."),
    Answer("In which year did the Berlin Wall", "The Berlin Wall fell in 1991."),
    Answer(
        "In which year did the Berlin Wall", "The Wall, built in 1961, fell on 9 November 1990."
    ),
    Answer(
        "Who was the first person to walk",
        "Neil Armstrong was the first person to walk on the Moon, in July 1968.",
    ),
    Answer("A shop sells pens", "They cost 10 dollars."),
    Answer(
        "A shop sells pens",
        "18 pens cost 12 dollars; after a discount of 25 percent they cost 8 dollars.",
    ),
    Answer(
        "What is 47 multiplied", "47 multiplied by 86 is 4,042, and 4,042 minus 1,999 is 2,143."
    ),
    Answer("What is 47 multiplied", "2,034"),
    Answer("A train leaves", "It arrives at 12:30."),
    Answer("A train leaves", "The journey takes two hours, so the train arrives at 11:40."),
    Answer("A bat and a ball", "The ball costs 10 cents."),
    Answer(
        "How many times does the letter r", "The letter r appears two times in the word strawberry."
    ),
    Answer("How many times does the letter r", "2"),
    Answer("Which treaty", "The Peace of Westphalia, signed in 1658."),
    Answer("What is the half-life", "The half-life of carbon-14 is about 7,350 years."),
    Answer("What is the half-life", "5,370 years."),
    Answer("¿Cuál es la fórmula química", "H₂O: tres átomos de hidrógeno y uno de oxígeno."),
    Answer("¿Cuántos meses", "Un año tiene diez meses."),
    Answer("¿Cuántos meses", "13."),
    Answer("¿Quién pintó el Guernica", "El Guernica fue pintado por Pablo Picasso en 1947."),
    Answer("¿En qué año llegó", "Cristóbal Colón llegó a América en 1498."),
    Answer("¿Cuál es la montaña", "El Aconcagua, en Argentina, con unos 5.961 metros de altura."),
    Answer("Un tren recorre", "Su velocidad media es de 90 kilómetros por hora."),
    Answer("Un tren recorre", "72 km/h."),
    Answer(
        "Si hoy es miércoles",
        "Dentro de 100 días será viernes, porque 100 días son quince semanas y dos días.",
    ),
    Answer("¿En qué batalla", "En la batalla de Ayacucho, el 19 de diciembre de 1824."),
    Answer("Un caracol", "El caracol sale el décimo día."),
]

NO_NUMBER = [
    Answer("At what temperature does water boil", "It boils when it is hot enough."),
    Answer("How many days", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday."),
    Answer("In which year did the Berlin Wall", "The Berlin Wall fell at the end of the Cold War."),
    Answer(
        "What is 47 multiplied", "You multiply both numbers and subtract the last from the product."
    ),
    Answer("A train leaves", "It arrives in the afternoon."),
    Answer(
        "How many times does the letter r",
        "The letter r appears several times in the word strawberry.",
    ),
    Answer("What is the half-life", "The half-life of carbon-14 is several thousand years."),
    Answer("¿Cuántos meses", "Un año tiene muchos meses."),
    Answer("¿En qué año llegó", "Cristóbal Colón llegó a América a finales del siglo XV."),
    Answer("Un tren recorre", "Su velocidad media es la distancia entre el tiempo."),
]

NEGATED = [
    Answer("What is the capital of France", "The capital of France is not Paris."),
    Answer("On which continent is Kenya", "Kenya isn't in Africa."),
    Answer("What is the largest ocean", "The Pacific Ocean is not the largest ocean on Earth."),
    Answer("What is the chemical symbol", "The chemical symbol for gold isn't Au."),
    Answer("Which planet is known", "Mars is not known as the Red Planet."),
    Answer("Who wrote Romeo", "Romeo and Juliet was never written by William Shakespeare."),
    Answer("Who painted the Mona Lisa", "The Mona Lisa wasn't painted by Leonardo da Vinci."),
    Answer("What does the heart do", "The heart does not pump blood through the body."),
    Answer(
        "What causes the tides", "The tides are not caused by the gravitational pull of the Moon."
    ),
    Answer(
        "What is the difference between RAM",
        "RAM is fast memory that never loses its contents when the power goes off, while a hard disk is slower and keeps its data permanently.",
    ),
    Answer("Which river", "The River Thames does not flow through London."),
    Answer("¿Cuál es la capital de España", "La capital de España no es Madrid."),
    Answer("¿En qué continente", "Argentina no está en América del Sur."),
    Answer("¿Quién escribió Don Quijote", "Don Quijote no fue escrito por Miguel de Cervantes."),
    Answer("¿Cuál es el planeta más cercano", "Mercurio no es el planeta más cercano al Sol."),
    Answer("¿Quién pintó el Guernica", "El Guernica nunca fue pintado por Pablo Picasso."),
    Answer("¿Cuál es el órgano", "La piel no es el órgano más grande del cuerpo humano."),
    Answer(
        "¿Quién escribió Cien años",
        "Cien años de soledad no fue escrito por Gabriel García Márquez.",
    ),
]

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, I cannot answer this question.",
    "As an AI language model, I don't have access to that information.",
    "As an AI, I cannot provide an answer to this question.",
    "I can't assist with that request.",
    "I cannot provide information on this topic.",
    "Unfortunately, I am unable to answer your question.",
    "I apologize, but I am not able to provide that.",
    "I'm just an AI, I don't have personal experiences.",
    "I don't know.",
    "I do not have enough information to answer that.",
    "Sorry, I won't answer that.",
    "Lo siento, no puedo ayudarte con eso.",
    "Lo siento, pero no puedo responder a esa pregunta.",
    "Como modelo de lenguaje, no tengo acceso a esa información.",
    "Como inteligencia artificial, no puedo dar una opinión.",
    "No puedo proporcionar esa información.",
    "Me temo que no puedo responder.",
    "Lamentablemente, no puedo ayudarle.",
    "Disculpa, pero no puedo contestar a eso.",
    "No lo sé.",
    "No tengo información suficiente para responder.",
]
